using System;
using System.Collections.Generic;
using System.Globalization;
using System.IO;
using System.Linq;
using System.Net;
using System.Net.Sockets;
using System.Text.Json;
using System.Threading;
using NUnit.Framework;

namespace GptEngine.Tests.EndToEnd;

/// <summary>Small runs of several ranks, by the built-in launcher or each rank started by the test as another launcher does.</summary>
internal static class RankRuns
{
    /// <summary>A step that any number of ranks up to 4 can share: 8 sequences, twice.</summary>
    public static readonly string[] Batch = ["--set", "training.batch_size=8", "--set", "training.acc_batch_size=512", "--set", "training.micro_batch=null"];

    /// <summary>Starts one rank, as torchrun would.</summary>
    public static GptProcess Start(
        int rank, int worldSize, int port, IReadOnlyList<string> call, string address = "127.0.0.1", IReadOnlyList<string>? before = null, int? localRank = null) =>
        new(
            "",
            [
                ("RANK", Text(rank)), ("WORLD_SIZE", Text(worldSize)), ("LOCAL_RANK", Text(localRank ?? rank)),
                ("LOCAL_WORLD_SIZE", Text(localRank is null ? worldSize : 1)), ("MASTER_ADDR", address), ("MASTER_PORT", Text(port)),
                ("GPTENGINE_SECRET", "0123456789abcdef0123456789abcdef"),
            ],
            [.. before ?? [], GptProcess.Path],
            call);

    public static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }

    /// <summary>The losses of a run by step.</summary>
    public static double[] Losses(SmallRun run, string name) =>
        [.. run.Steps(name).Select(line => JsonDocument.Parse(line + "}").RootElement.GetProperty("loss").GetDouble())];

    /// <summary>Steps that the run's metrics have; 0 before the first.</summary>
    public static int StepCount(SmallRun run, string name)
    {
        string path = Path.Combine(run.Folder(name), "metrics.jsonl");
        return File.Exists(path) ? File.ReadLines(path).Count() : 0;
    }

    public static string Log(SmallRun run, string name, int rank) => File.ReadAllText(Path.Combine(run.Folder(name), "ranks", $"rank-{Text(rank)}.log"));

    /// <summary>Waits until something holds; a process that ends before it does fails the test with what it said.</summary>
    public static void WaitFor(Func<bool> holds, string what, params GptProcess[] alive)
    {
        for (int i = 0; i < 3000; i++)
        {
            if (holds())
            {
                return;
            }

            if (Array.Find(alive, process => process.HasExited) is { } ended)
            {
                Assert.Fail($"waited for {what}: {ended.Wait().Error}");
            }

            Thread.Sleep(10);
        }

        Assert.Fail($"waited 30 s for {what}");
    }

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
}
