using System.Collections.Generic;
using GptEngine.Engine.Data.Streaming;
using GptEngine.Runtime.Communication;

namespace GptEngine.Engine.Training;

/// <summary>What a run needs besides its configuration.</summary>
public sealed record TrainingSessionOptions
{
    /// <summary>The run folder, where checkpoints go; null for a run that leaves none (a benchmark).</summary>
    public string? RunFolder { get; init; }

    /// <summary>Whether to go on from a checkpoint of the run folder, if it has any.</summary>
    public bool Resume { get; init; }

    /// <summary>With <see cref="Resume"/>: the checkpoint to go back to (<c>step-00002000</c>); null for the newest that is whole.</summary>
    public string? ResumeFrom { get; init; }

    /// <summary>A folder whose weights the run starts from; null for random ones. Not used when a checkpoint is resumed.</summary>
    public string? InitFolder { get; init; }

    /// <summary>What is trained on instead of <c>data.path</c>; the caller's, who disposes of it. With it no validation stream is opened.</summary>
    public ITokenSource? Tokens { get; init; }

    /// <summary>What is evaluated on where <see cref="Tokens"/> is given; the caller's.</summary>
    public ITokenSource? ValidationTokens { get; init; }

    /// <summary>The sample prompt's ids; null for no samples.</summary>
    public IReadOnlyList<int>? SamplePrompt { get; init; }

    /// <summary>The tokenizer's vocabulary: samples draw no id beyond it, which nothing could decode.</summary>
    public int SampleVocabulary { get; init; } = int.MaxValue;

    /// <summary>Tokens of a sample at most.</summary>
    public int SampleTokens { get; init; } = 128;

    /// <summary>
    /// The ranks that train together; null for one process alone. What is told here and in the configuration is the same on all of them, but
    /// the observers: steps and evaluations are reported on every rank, samples and checkpoints on rank 0, which makes them.
    /// </summary>
    public RankGroup? Group { get; init; }

    /// <summary>The device's largest rate in the run's precision, FLOP/s of all ranks; 0 where not known, then no MFU.</summary>
    public double PeakFlops { get; init; }

    /// <summary>Who listens.</summary>
    public IReadOnlyList<ITrainingObserver> Observers { get; init; } = [];
}
