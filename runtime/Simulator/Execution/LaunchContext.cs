using GptEngine.Runtime.Simulator.Checks;
using GptEngine.Runtime.Simulator.Memory;
using GptEngine.Runtime.Simulator.Translation;

namespace GptEngine.Runtime.Simulator.Execution;

/// <summary>What is the same for every block of a launch.</summary>
internal sealed unsafe class LaunchContext
{
    internal required TranslatedKernel Kernel { get; init; }

    internal required DeviceMemory Memory { get; init; }

    internal required Dimensions Grid { get; init; }

    internal required Dimensions BlockShape { get; init; }

    /// <summary>The argument buffer.</summary>
    internal required byte* Parameters { get; init; }

    internal required int DynamicSharedBytes { get; init; }

    internal required SimulatorChecks Checks { get; init; }

    internal FindingCollector Findings { get; } = new();

    /// <summary>What blocks have told each other through fences and atomics.</summary>
    internal BlockOrder Order { get; } = new();

    internal int SharedBytes => Kernel.StaticSharedBytes + DynamicSharedBytes;

    internal int ThreadsPerBlock => (int)BlockShape.Count;

    internal int WarpsPerBlock => (ThreadsPerBlock + Warp.Lanes - 1) / Warp.Lanes;

    /// <summary>Set when a finding ends the launch.</summary>
    internal volatile bool IsAborted;

    internal bool Has(SimulatorChecks check) => (Checks & check) != 0;

    internal LaunchAbortedException Abort()
    {
        IsAborted = true;
        return new LaunchAbortedException();
    }
}
