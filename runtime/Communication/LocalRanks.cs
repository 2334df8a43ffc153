using System;
using System.Collections.Generic;
using System.Linq;
using System.Runtime.ExceptionServices;
using System.Threading;
using GptEngine.Runtime.Communication.Host;
using GptEngine.Runtime.Communication.Local;
using GptEngine.Runtime.Devices;

namespace GptEngine.Runtime.Communication;

/// <summary>
/// The ranks of a run as threads of one process, each with a device of its own (a CPU or a simulated GPU): for tests, and the run of one
/// rank. What ranks do here has the same bits as between processes over the loopback transport.
/// </summary>
public sealed class LocalRanks
{
    private readonly LocalMeeting _meeting;
    private readonly LocalExchange _exchange;
    private readonly RankLimits _limits;

    /// <param name="worldSize">Ranks.</param>
    /// <param name="limits">How long they wait for each other; null for the defaults.</param>
    public LocalRanks(int worldSize, RankLimits? limits = null)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(worldSize, 1);
        _limits = limits ?? RankLimits.Default;
        _meeting = new LocalMeeting(worldSize, _limits);
        _exchange = new LocalExchange(worldSize);
        WorldSize = worldSize;
    }

    public int WorldSize { get; }

    /// <summary>What one rank has of the others; once a rank. The caller disposes of both members, the collectives first and before the device.</summary>
    public RankGroup Group(int rank, Device device)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(rank);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(rank, WorldSize);
        var control = new LocalRankControl(_meeting, rank);
        return new RankGroup(new HostCommunicator(control, new LocalTransport(_exchange, rank), device, _limits), control);
    }

    /// <summary>
    /// Runs every rank on a thread of its own, and its collectives and control are disposed of behind it. A rank that throws ends the run for all.
    /// </summary>
    /// <param name="worldSize">Ranks.</param>
    /// <param name="createDevice">Makes a rank's device, on its thread; disposed of when the rank is done.</param>
    /// <param name="work">What each rank does.</param>
    /// <param name="limits">How long they wait for each other; null for the defaults.</param>
    /// <exception cref="Exception">What the first rank to fail threw.</exception>
    public static void Run(int worldSize, Func<int, Device> createDevice, Action<RankGroup, Device> work, RankLimits? limits = null)
    {
        var ranks = new LocalRanks(worldSize, limits);
        var failures = new Queue<Exception>();
        Thread[] threads = [.. Enumerable.Range(0, worldSize).Select(rank => new Thread(() =>
        {
            try
            {
                ranks.RunOne(rank, createDevice, work, failures);
            }
            catch (Exception failed)
            {
                // Nothing may escape from a thread; what the device or its disposal throws is the caller's as well.
                Keep(failures, failed);
                ranks._meeting.FailAll($"rank {rank}: {failed.Message}");
            }
        }) { Name = $"rank {rank}", IsBackground = true })];
        foreach (Thread thread in threads)
        {
            thread.Start();
        }

        foreach (Thread thread in threads)
        {
            thread.Join();
        }

        if (failures.TryPeek(out Exception? first))
        {
            ExceptionDispatchInfo.Throw(first);
        }
    }

    private void RunOne(int rank, Func<int, Device> createDevice, Action<RankGroup, Device> work, Queue<Exception> failures)
    {
        using Device device = createDevice(rank);
        RankGroup group = Group(rank, device);
        try
        {
            work(group, device);
        }
        catch (Exception failed)
        {
            // Kept before the others are told: what they throw is this one's consequence.
            Keep(failures, failed);
            group.Control.Fail(failed.Message);
        }
        finally
        {
            group.Collectives.Dispose();
            group.Control.Dispose();
        }
    }

    private static void Keep(Queue<Exception> failures, Exception failed)
    {
        lock (failures)
        {
            failures.Enqueue(failed);
        }
    }
}
