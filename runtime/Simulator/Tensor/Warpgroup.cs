using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using GptEngine.Runtime.Simulator.Checks;
using GptEngine.Runtime.Simulator.Execution;
using GptEngine.Runtime.Simulator.Memory;

namespace GptEngine.Runtime.Simulator.Tensor;

/// <summary>
/// Four warps of a block, the first a multiple of four, and the wgmma instructions that they all must execute in the same order. The
/// simulated warps run one after another: what the first has done is kept until the last has done it too.
/// </summary>
internal sealed class Warpgroup(ThreadBlock block, int index)
{
    internal const int Warps = 4;

    /// <summary>A warp may be ahead of another by this many instructions; more is a loop without end.</summary>
    private const int MostSteps = 1 << 14;

    /// <summary>Steps that not all warps have done, by their number modulo the array's length, which is a power of two.</summary>
    private WarpgroupStep?[] _steps = new WarpgroupStep?[32];
    private readonly Stack<WarpgroupStep> _free = new();
    private readonly int[] _done = new int[Warps];
    private int _first;
    private int _end;

    /// <summary>The step that a warp does next.</summary>
    internal WarpgroupStep Arrive(Warp warp, MemorySite site, ulong left, ulong right, bool adds)
    {
        RequireWhole(warp, site);
        int number = _done[warp.Index % Warps]++;
        (int, ulong, ulong, bool) deed = (site.Index, left, right, adds);
        WarpgroupStep step = number < _end ? Step(number) : Add(warp, site, deed);
        if (step.Deed != deed)
        {
            ReportOther(warp, site, step);
        }

        step.Arrived++;
        return step;
    }

    /// <summary>The warp has done its step: once the last of the four has, it is forgotten.</summary>
    internal void Finish()
    {
        while (_first < _end && Step(_first).Arrived == Warps)
        {
            _free.Push(Step(_first++));
        }
    }

    internal void CheckEnd()
    {
        if (_first == _end)
        {
            return;
        }

        WarpgroupStep step = Step(_first);
        int last = Array.IndexOf(_done, _done.Min());
        block.Report(
            FindingKind.WarpgroupDivergence,
            ((index * Warps) + last) * Warp.Lanes,
            block.Launch.Kernel.Sites[step.Deed.Site],
            string.Create(CultureInfo.InvariantCulture, $"warp {(index * Warps) + last} ended without it; warp {step.First} of the same warpgroup executed it."));
    }

    internal void Clear()
    {
        while (_first < _end)
        {
            _free.Push(Step(_first++));
        }

        Array.Clear(_done);
        _first = 0;
        _end = 0;
    }

    private WarpgroupStep Step(int number) => _steps[number & (_steps.Length - 1)]!;

    private WarpgroupStep Add(Warp warp, MemorySite site, (int, ulong, ulong, bool) deed)
    {
        if (_end - _first == MostSteps)
        {
            throw block.Fail(FindingKind.WarpgroupDivergence, warp.ThreadOf(0), site, "the other warps of the warpgroup are too far behind.");
        }

        if (_end - _first == _steps.Length)
        {
            var longer = new WarpgroupStep?[2 * _steps.Length];
            for (int i = _first; i < _end; i++)
            {
                longer[i & (longer.Length - 1)] = Step(i);
            }

            _steps = longer;
        }

        WarpgroupStep step = _free.Count > 0 ? _free.Pop() : new WarpgroupStep();
        step.Deed = deed;
        step.First = warp.Index;
        step.Arrived = 0;
        _steps[_end++ & (_steps.Length - 1)] = step;
        return step;
    }

    private void RequireWhole(Warp warp, MemorySite site)
    {
        for (int other = index * Warps; other < (index + 1) * Warps; other++)
        {
            if (other >= block.Warps.Length || block.Warps[other].Existing != uint.MaxValue)
            {
                throw block.Fail(
                    FindingKind.WarpgroupDivergence,
                    warp.ThreadOf(0),
                    site,
                    string.Create(
                        CultureInfo.InvariantCulture,
                        $"warp {warp.Index} is of no whole warpgroup: four warps of 32 threads, the first a multiple of four; the block has {block.Launch.ThreadsPerBlock} threads."));
            }
        }
    }

    private void ReportOther(Warp warp, MemorySite site, WarpgroupStep step)
    {
        bool isOtherPlace = step.Deed.Site != site.Index;
        block.Report(
            FindingKind.WarpgroupDivergence,
            warp.ThreadOf(0),
            site,
            isOtherPlace
                ? $"warp {warp.Index} executes it where warp {step.First} of the same warpgroup executed another."
                : $"warps {step.First} and {warp.Index} of one warpgroup execute it with different descriptors or scales.",
            step.Deed.Site,
            block.Describe(step.First * Warp.Lanes, step.Deed.Site));
    }
}
