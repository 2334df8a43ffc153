using System;
using System.Collections.Generic;
using System.Collections.Immutable;
using System.Linq;

namespace GptEngine.Perf.MachineCode;

/// <summary>
/// One multiprocessor, cycle by cycle: four schedulers, each of which issues an instruction a cycle of one of its warps, in the order of the
/// machine code and by its control codes, when the unit is free. Blocks take each other's place as they end. Left out: caches' misses,
/// instruction fetch, register banks' conflicts, and how many blocks of a grid are at work elsewhere.
/// </summary>
/// <param name="code">The kernel's.</param>
/// <param name="model">The machine.</param>
/// <param name="isFromMemory">Of an instruction's index, whether it loads from device memory.</param>
/// <param name="team">Warps that share a barrier beside the block's.</param>
/// <param name="memory">What device memory hands out; null where it is not the question, and only its latency counts.</param>
internal sealed class MultiprocessorSimulation(
    ImmutableArray<MachineInstruction> code, MachineModel model, Func<int, bool> isFromMemory, int team = 1, MemoryShare? memory = null)
{
    private const int Schedulers = 4;

    /// <summary>Cycles that shared memory may be behind before a scheduler must wait to hand it more.</summary>
    private const double QueuedCycles = 16;

    private readonly double[,] _free = new double[Schedulers, Enum.GetValues<Pipe>().Length];
    private readonly double[] _busy = new double[Enum.GetValues<Pipe>().Length];
    private readonly double[] _waited = new double[Enum.GetValues<WaitReason>().Length];
    private readonly Pipe[] _pipes = [.. code.Select(MachineModel.PipeOf)];
    private readonly double[] _cycles = [.. code.Select(model.Cycles)];
    private readonly List<WarpState>[] _warps = [.. Enumerable.Range(0, Schedulers).Select(_ => new List<WarpState>())];
    private readonly WarpState?[] _greedy = new WarpState?[Schedulers];
    private double _sharedFree;
    private double _cacheFree;
    private double _memoryFree;

    /// <summary>Instructions issued.</summary>
    public long Issued { get; private set; }

    /// <summary>Cycles that the units of a kind were held, a mean over the schedulers.</summary>
    public double BusyCycles(Pipe pipe) => _busy[(int)pipe] / (pipe is Pipe.Shared or Pipe.Global ? 1 : Schedulers);

    /// <summary>Cycles in which nothing was issued, for a reason, a mean over the schedulers.</summary>
    public double WaitedCycles(WaitReason reason) => _waited[(int)reason] / Schedulers;

    /// <summary>Runs blocks, so many at a time, to the end of the last.</summary>
    /// <param name="blocks">For each block its warps' traces.</param>
    /// <param name="resident">Blocks at a time.</param>
    /// <returns>Cycles.</returns>
    public double Run(IEnumerable<int[][]> blocks, int resident)
    {
        using IEnumerator<int[][]> source = blocks.GetEnumerator();
        int running = 0;
        while (running < resident && Start(source))
        {
            running++;
        }

        double now = 0;
        Span<WaitReason?> waits = stackalloc WaitReason?[Schedulers];
        while (running > 0)
        {
            double soonest = double.PositiveInfinity;
            for (int scheduler = 0; scheduler < Schedulers; scheduler++)
            {
                (WarpState? warp, double time, WaitReason reason) = Choose(scheduler, now);
                waits[scheduler] = reason;
                if (warp is not null && time <= now)
                {
                    Issue(scheduler, warp, now);
                    (time, waits[scheduler]) = (now + 1, null);
                    if (warp.IsDone)
                    {
                        running -= End(scheduler, warp) && !Start(source) ? 1 : 0;
                    }
                }

                soonest = Math.Min(soonest, time);
            }

            if (running > 0 && double.IsInfinity(soonest))
            {
                throw new InvalidOperationException("every warp waits at a barrier that others have passed");
            }

            double next = running == 0 ? now + 1 : Math.Max(now + 1, Math.Ceiling(soonest));
            Account(waits, now, next);
            now = next;
        }

        return Math.Max(now, _memoryFree);
    }

    // A scheduler that has issued has nothing to account for in the cycle that this took, and what follows is as good as idle.
    private void Account(ReadOnlySpan<WaitReason?> waits, double now, double next)
    {
        foreach (WaitReason? reason in waits)
        {
            if (reason is WaitReason known)
            {
                _waited[(int)known] += next - now;
            }
        }
    }

    private bool Start(IEnumerator<int[][]> blocks)
    {
        if (!blocks.MoveNext())
        {
            return false;
        }

        var block = new BlockState(blocks.Current.Length);
        BlockState[] teams = [.. Enumerable.Range(0, blocks.Current.Length / team).Select(_ => new BlockState(team))];
        for (int warp = 0; warp < blocks.Current.Length; warp++)
        {
            _warps[warp % Schedulers].Add(new WarpState(blocks.Current[warp], block, teams[warp / team]));
        }

        return true;
    }

    private bool End(int scheduler, WarpState warp)
    {
        _warps[scheduler].Remove(warp);
        return --warp.Block.Left == 0;
    }

    // The warp that was issued last goes on while it can, then the youngest that can: Huerta et al. 2025, "Analyzing modern NVIDIA GPU
    // cores". Of none, when the first can, and why not before.
    private (WarpState? Warp, double Time, WaitReason Reason) Choose(int scheduler, double now)
    {
        (WarpState? best, double soonest, WaitReason why) = (null, double.PositiveInfinity, WaitReason.Idle);
        for (int i = _warps[scheduler].Count - 1; i >= 0; i--)
        {
            WarpState warp = _warps[scheduler][i];
            (double time, WaitReason reason) = EarliestOf(warp, scheduler);
            bool better = best is null || (time <= now ? soonest > now || warp == _greedy[scheduler] : time < soonest);
            (best, soonest, why) = better ? (warp, time, reason) : (best, soonest, why);
        }

        return (best, soonest, why);
    }

    private (double Time, WaitReason Reason) EarliestOf(WarpState warp, int scheduler)
    {
        int next = warp.Next;
        double unit = MachineModel.IsOfWarpgroup(code[next]) ? 0 : _pipes[next] is Pipe.Shared or Pipe.Global ? _sharedFree - QueuedCycles : _free[scheduler, (int)_pipes[next]];
        (double time, WaitReason reason) = warp.Earliest(code[next]);
        return unit > time ? (unit, WaitReason.Unit) : (time, reason);
    }

    // Loads and stores are served in their order; nobody waits for a store.
    private double Move(MachineInstruction instruction, MemoryShare share, double now) =>
        _memoryFree = Math.Max(_memoryFree, now) + (MachineModel.WarpBytes(instruction) / share.BytesPerCycle);

    private void Issue(int scheduler, WarpState warp, double now)
    {
        int index = warp.Next;
        MachineInstruction instruction = code[index];
        (Pipe pipe, double cycles) = (_pipes[index], _cycles[index]);
        double read = now + cycles;
        double done = now + model.Latency(instruction, isFromMemory(index));
        if (pipe is Pipe.Shared or Pipe.Global)
        {
            _sharedFree = Math.Max(_sharedFree, now) + cycles;
            read = _sharedFree;
            done = _sharedFree + model.Latency(instruction, isFromMemory(index));
            if (pipe == Pipe.Global)
            {
                _cacheFree = Math.Max(_cacheFree, now) + (MachineModel.WarpBytes(instruction) / MachineModel.CacheBytes);
                done = Math.Max(done, _cacheFree);
                done = memory is { } share && isFromMemory(index) ? Math.Max(now + share.Latency, Move(instruction, share, now)) : done;
            }
        }
        else
        {
            _free[scheduler, (int)pipe] = Math.Max(_free[scheduler, (int)pipe], now) + cycles;
        }

        if (MachineModel.IsOfWarpgroup(instruction))
        {
            // It takes its turn without the warp, when its operands have come through shared memory.
            double operands = MachineModel.OperandBytes(instruction) / MachineModel.SharedBytes;
            _sharedFree = Math.Max(_sharedFree, now) + operands;
            _busy[(int)Pipe.Shared] += operands;
            done = Math.Max(_free[scheduler, (int)pipe], _sharedFree) + model.Latency(instruction, isFromMemory(index));
        }

        _greedy[scheduler] = warp;
        _busy[(int)pipe] += cycles;
        Issued++;
        warp.Issue(instruction, pipe, now, read, done);
    }
}
