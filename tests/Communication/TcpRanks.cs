using System;
using System.Linq;
using System.Net;
using System.Net.Sockets;
using System.Threading;
using GptEngine.Runtime;
using GptEngine.Runtime.Communication;
using GptEngine.Runtime.Devices;

namespace GptEngine.Tests.Communication;

/// <summary>Ranks that are threads and meet over real TCP on the loopback interface.</summary>
internal static class TcpRanks
{
    internal const string Secret = "a secret of the tests, long enough";

    internal static readonly RunIdentity Identity = IdentityWith();

    /// <summary>Seconds where a run has minutes; long enough for a machine that does other things as well.</summary>
    internal static readonly RankLimits Limits = new(
        Arrival: TimeSpan.FromSeconds(20), Silence: TimeSpan.FromSeconds(20), Collective: TimeSpan.FromSeconds(20), Meeting: TimeSpan.FromSeconds(20));

    internal static RankEnvironment Environment(int rank, int worldSize, int port, string address = "127.0.0.1") =>
        new(rank, worldSize, rank, worldSize, address, port, Secret, $"host{rank}");

    /// <summary>That of the tests' ranks, but for this.</summary>
    internal static RunIdentity IdentityWith(string version = "1.0", string seed = "1", string data = "8ddb", string folder = "/data") =>
        new(new RunFact("the program's version", version), new RunFact("the training data", data, folder + "/train.bin"), new RunFact("training.seed", seed));

    /// <summary>A port that nothing listens on just now.</summary>
    internal static int FreePort()
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        return ((IPEndPoint)socket.LocalEndPoint!).Port;
    }

    /// <summary>Runs each rank on a thread, and returns what each threw, by rank; null for those that ended well.</summary>
    internal static Exception?[] Run(int worldSize, Action<int> rank)
    {
        var failures = new Exception?[worldSize];
        Thread[] threads = [.. Enumerable.Range(0, worldSize).Select(r => new Thread(() =>
        {
            try
            {
                rank(r);
            }
            catch (Exception failed)
            {
                failures[r] = failed;
            }
        }) { IsBackground = true, Name = $"rank {r}" })];
        Array.ForEach(threads, thread => thread.Start());
        Array.ForEach(threads, thread => thread.Join());
        return failures;
    }

    /// <summary>Ranks that meet and then do <paramref name="work"/>.</summary>
    internal static Exception?[] RunMet(int worldSize, RankLimits limits, Action<RankControl> work)
    {
        int port = FreePort();
        return Run(worldSize, rank =>
        {
            using RankControl control = RankGroups.Meet(Environment(rank, worldSize, port), Identity, limits);
            work(control);
        });
    }

    /// <summary>Ranks with a device each that meet, close the ring and then do <paramref name="work"/>.</summary>
    internal static Exception?[] RunConnected(int worldSize, RankLimits limits, Action<RankGroup, Device> work, Func<Device>? createDevice = null)
    {
        int port = FreePort();
        return Run(worldSize, rank =>
        {
            RankEnvironment environment = Environment(rank, worldSize, port);
            using Device device = createDevice?.Invoke() ?? new CpuDevice(1);
            using RankControl control = RankGroups.Meet(environment, Identity, limits);
            using Communicator collectives = RankGroups.Connect(control, environment, device, limits);
            work(new RankGroup(collectives, control), device);
        });
    }

    /// <summary>The messages of user errors by rank; anything else is thrown.</summary>
    internal static string?[] Messages(Exception?[] failures) => [.. failures.Select(failure => failure switch
    {
        null => null,
        UserErrorException error => error.Message,
        _ => throw new AggregateException(failure),
    })];

    /// <summary>Reports, and returns once rank 0 has heard of every rank's report and of this many collectives begun.</summary>
    internal static void Report(RankControl control, string activity, int begun = 0)
    {
        control.Report(activity);
        while (control.Rank == 0 && control.States.Any(state => state.Activity.Length == 0 || state.CollectivesBegun < begun))
        {
            Thread.Sleep(10);
        }

        control.Barrier("the reports");
    }

    internal static void WaitForFailure(RankControl control)
    {
        using var failed = new ManualResetEventSlim();
        control.WhenFailed(_ => failed.Set());
        failed.Wait();
    }
}
