using System;
using GptEngine.Kernels.Attention;

namespace GptEngine.Kernels.Common.Cuda;

/// <summary>How a GPU is used.</summary>
public sealed record GpuOptions
{
    /// <summary>Whether fp32 products may run on tensor cores, which take 10 bits of mantissa.</summary>
    public bool RoundsToTf32 { get; init; }

    /// <summary>Whether our own kernel multiplies matrices in place of cuBLASLt.</summary>
    public bool OwnProducts { get; init; }

    /// <summary>Attention's kernels where they are forced: these, or the ones before them that serve. Null leaves the choice to what is measured.</summary>
    public AttentionVariant? Attention { get; init; }

    /// <summary>Hears, on the calling thread, what a person should see: above all a kernel that is wrong on this GPU. It stands in the choices, too.</summary>
    public Action<string> Warn { get; init; } = static _ => { };

    /// <summary>Whether a step is captured as graphs; without, it is enqueued anew each time.</summary>
    public bool UsesGraphs { get; init; } = true;

    /// <summary>Scratch that the head's logits may take at once.</summary>
    public long LogitBytes { get; init; } = 256 << 20;

    /// <summary>Whether the simulated GPU's library does epilogues in place of kernels; a real GPU's are measured.</summary>
    public bool FusesEpilogues { get; init; }

    /// <summary>Threads of the host that stand for the simulated GPU's library; 0 for all.</summary>
    public int HostThreads { get; init; }
}
