using System;

namespace GptEngine.Runtime.Simulator.Tensor;

/// <summary>A warp's groups of warpgroup products, numbered from 1 on in the order in which they are committed.</summary>
internal sealed class ProductGroups
{
    /// <summary>The group that a product asked for now is in.</summary>
    internal int Open { get; private set; }

    /// <summary>The last group that was waited for.</summary>
    internal int Completed { get; private set; }

    /// <summary>wgmma.fence executed so far.</summary>
    internal int Fences { get; private set; }

    internal void Fence() => Fences++;

    internal void Commit() => Open++;

    /// <summary>Waits until at most that many committed groups are under way.</summary>
    internal void Wait(int pending) => Completed = Math.Max(Completed, Open - 1 - pending);

    internal bool IsUnderWay(int group) => group > Completed;

    internal void Clear()
    {
        Open = 1;
        Completed = 0;
        Fences = 0;
    }
}
