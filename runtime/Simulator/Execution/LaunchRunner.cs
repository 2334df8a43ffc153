using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using System.Numerics;
using System.Runtime.ExceptionServices;
using System.Threading;
using System.Threading.Tasks;
using GptEngine.Runtime.Simulator.Checks;
using GptEngine.Runtime.Simulator.Counters;
using GptEngine.Runtime.Simulator.Memory;

namespace GptEngine.Runtime.Simulator.Execution;

/// <summary>
/// Runs the blocks of a launch on some host threads. Blocks share no floating-point state, counters are sums, and findings are kept by
/// block number: results do not depend on how many threads there are.
/// </summary>
internal sealed class LaunchRunner(LaunchContext launch, int hostThreads)
{
    /// <summary>Blocks that wait for one another (a barrier over the grid) are in flight together up to this many on a host thread.</summary>
    private const int MaximumInFlight = 64;
    private const int TurnInRuns = 1 << 16;

    /// <summary>Basic blocks that a loop which only waits has at most.</summary>
    private const int RunsOfAWait = 8;

    /// <summary>Turns that a block may use up without an end; one of loops that only wait comes here in seconds, work never does.</summary>
    private const int MaximumTurns = 1 << 16;

    private long _next;

    internal LaunchCounters Run()
    {
        int workers = (int)Math.Clamp(launch.Grid.Count, 1, hostThreads);
        var counters = new LaunchCounters[workers];
        if (workers == 1)
        {
            counters[0] = Work();
        }
        else
        {
            RunParallel(workers, counters);
        }

        foreach (LaunchCounters part in counters.Skip(1))
        {
            counters[0].Add(part);
        }

        return counters[0];
    }

    private void RunParallel(int workers, LaunchCounters[] counters)
    {
        try
        {
            Parallel.For(0, workers, new ParallelOptions { MaxDegreeOfParallelism = workers }, i => counters[i] = Work());
        }
        catch (AggregateException e)
        {
            ExceptionDispatchInfo.Throw(e.InnerExceptions[0]);
        }
    }

    private LaunchCounters Work()
    {
        var counters = new LaunchCounters();
        var idle = new Stack<ThreadBlock>();
        var waiting = new Queue<ThreadBlock>();
        try
        {
            while (!launch.IsAborted && RunNext(counters, idle, waiting))
            {
            }
        }
        catch (LaunchAbortedException)
        {
            // The finding that ended the launch is in its list; the other threads see the flag.
        }

        foreach (ThreadBlock block in idle.Concat(waiting))
        {
            block.CollectCounters();
            block.Dispose();
        }

        return counters;
    }

    /// <summary>Runs a new block, or one that waited, for as long as it gets on. False when none is left.</summary>
    private bool RunNext(LaunchCounters counters, Stack<ThreadBlock> idle, Queue<ThreadBlock> waiting)
    {
        ThreadBlock block;
        long linear = waiting.Count < MaximumInFlight ? Interlocked.Increment(ref _next) - 1 : long.MaxValue;
        if (linear < launch.Grid.Count)
        {
            block = idle.Count > 0 ? idle.Pop() : new ThreadBlock(launch, counters);
            block.Start(linear);
        }
        else if (!waiting.TryDequeue(out block!))
        {
            return false;
        }

        bool ended;
        try
        {
            ended = RunToEnd(block);
        }
        catch
        {
            block.Dispose();
            throw;
        }

        if (ended)
        {
            idle.Push(block);
        }
        else
        {
            waiting.Enqueue(block);
        }

        return true;
    }

    /// <summary>Runs a block until it ends (true) or its loops have waited a whole turn, perhaps for another block (false).</summary>
    private bool RunToEnd(ThreadBlock block)
    {
        bool isLive = true;
        for (int pass = 0; isLive; pass++)
        {
            bool ran = false;
            isLive = false;
            bool onlySpins = true;
            foreach (Warp warp in block.Warps)
            {
                if (warp.Live != 0)
                {
                    long before = warp.Runs;
                    bool moved = WarpScheduler.Run(warp, TurnInRuns);
                    ran |= moved;
                    isLive |= warp.Live != 0;
                    onlySpins &= !moved || IsSpinning(warp, warp.Runs - before);
                }
            }

            if (isLive && !ran)
            {
                throw Stuck(block, FindingKind.Deadlock, "no thread of the block can go on");
            }

            if (launch.IsAborted)
            {
                return true;
            }

            if (isLive && onlySpins)
            {
                block.Turns++;
                if (block.Turns > MaximumTurns)
                {
                    throw Stuck(block, FindingKind.Deadlock, "the block's loops wait for something that never comes");
                }

                if (pass >= 1)
                {
                    return false;
                }
            }
        }

        block.Products?.CheckEnd();
        return true;
    }

    /// <summary>Whether a warp's turn went by in loops that wait: it found nothing come at once, or used up its budget.</summary>
    private static bool IsSpinning(Warp warp, long runs) => warp.Live != 0
        && ((warp.IsWaiting && runs <= RunsOfAWait) || (runs < TurnInRuns && runs >= TurnInRuns / (2 * WarpScheduler.SpinCost)));

    private static LaunchAbortedException Stuck(ThreadBlock block, FindingKind kind, string what)
    {
        var places = new List<string>();
        MemorySite? first = null;
        int thread = 0;
        bool atBarrier = false;
        foreach (Warp warp in block.Warps)
        {
            for (int i = 0; i < warp.SplitCount; i++)
            {
                Split split = warp.Splits[i];
                MemorySite? site = warp.Kernel.Blocks[split.Block].SyncSite;
                thread = first is null ? warp.ThreadOf(BitOperations.TrailingZeroCount(split.Mask)) : thread;
                first ??= site;
                atBarrier |= split.State == SplitState.AtBarrier;
                string place = site?.Describe() ?? warp.Kernel.Blocks[split.Block].Instructions.FirstOrDefault()?.Place ?? "the end";
                places.Add(string.Create(CultureInfo.InvariantCulture, $"warp {warp.Index} lanes 0x{split.Mask:x8} at {place}"));
            }
        }

        int ended = block.Warps.Count(w => w.Live == 0);
        if (atBarrier && ended > 0)
        {
            kind = FindingKind.BarrierDivergence;
            what = $"a barrier waits for {ended} warps that have ended";
        }

        return block.Fail(kind, thread, first, $"{what}: {string.Join("; ", places.Take(8))}.");
    }
}
