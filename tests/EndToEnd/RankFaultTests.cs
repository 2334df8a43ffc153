using System;
using System.Diagnostics;
using System.IO;
using System.Linq;
using System.Text.RegularExpressions;
using NUnit.Framework;

namespace GptEngine.Tests.EndToEnd;

/// <summary>Ranks started one by one, as other launchers do, with something wrong with one of them or with the way between them.</summary>
public sealed class RankFaultTests
{
    private static readonly string[] Patience = ["--rendezvous-timeout", "20", "--collective-timeout", "2"];

    [Test]
    public void Data_AnotherOnOneRank_IsRefusedOnAll_BeforeAStep()
    {
        using var run = new SmallRun();
        using var other = new SmallRun();
        string path = Path.Combine(other.Data, "train.bin");
        byte[] bytes = File.ReadAllBytes(path);
        bytes[1000] ^= 1;
        File.WriteAllBytes(path, bytes);
        string[] call = [.. run.Train("run", [.. RankRuns.Batch, .. Patience])];
        (int Code, string Output, string Error)[] ends = RunAll(call, [.. call.Select(argument => argument == run.Data ? other.Data : argument)]);
        Assert.That(ends.Select(end => end.Code), Is.All.EqualTo(2), ends[0].Error + ends[1].Error);
        Assert.That(ends.Select(end => end.Error), Is.All.Match(
            $"the training data is {Regex.Escape(Path.Combine(run.Data, "train.bin"))} \\([0-9a-f]{{64}}\\) on rank 0 \\(.+\\), {Regex.Escape(path)} \\([0-9a-f]{{64}}\\) on rank 1 \\("));
        Assert.That(Path.Combine(run.Folder("run"), "metrics.jsonl"), Does.Not.Exist);
    }

    [Test]
    public void Configuration_AnotherOnOneRank_IsRefusedOnAll()
    {
        using var run = new SmallRun();
        string[] call = [.. run.Train("run", [.. RankRuns.Batch, .. Patience])];
        (int Code, string Output, string Error)[] ends = RunAll(call, [.. call, "--set", "optimizer.learning_rate=0.5", "--set", "training.seed=7"]);
        Assert.That(ends.Select(end => end.Code), Is.All.EqualTo(2));
        Assert.That(ends.Select(end => end.Error), Is.All.Match("optimizer.learning_rate is 0.001 on rank 0 \\(.+\\), 0.5 on rank 1 \\(.+\\); training.seed is 1 on rank 0 .+, 7 on rank 1 "));
    }

    [Test]
    public void Configuration_AnotherResume_IsRefusedOnAll()
    {
        using var run = new SmallRun();
        string[] call = [.. run.Train("run", [.. RankRuns.Batch, .. Patience])];
        (int Code, string Output, string Error)[] ends = RunAll(call, [.. call, "--init", run.Folder("weights")]);
        Assert.That(ends.Select(end => end.Error), Is.All.Contains("--init is not given on rank 0 ").And.All.Contains(", given on rank 1 "));
    }

    [Test]
    public void Rendezvous_AMissingRank_IsNamed()
    {
        using var run = new SmallRun();
        using GptProcess alone = RankRuns.Start(0, 2, RankRuns.FreePort(), run.Train("run", [.. RankRuns.Batch, "--rendezvous-timeout", "1"]));
        (int code, _, string error) = alone.Wait();
        Assert.That(code, Is.Not.Zero);
        Assert.That(error, Does.Contain("rank 1").IgnoreCase.Or.Contain("ranks 1").IgnoreCase);
    }

    [Test]
    public void Memory_TooLittleForOneRank_IsNamedOnAll()
    {
        using var run = new SmallRun();
        string[] call = [.. run.Train("run", [.. RankRuns.Batch, .. Patience, "--set", "training.batch_size=512", "--set", "training.acc_batch_size=16384", "--set", "model.d_model=256"])];
        int port = RankRuns.FreePort();
        using GptProcess first = RankRuns.Start(0, 2, port, call);
        using GptProcess second = RankRuns.Start(1, 2, port, call, before: ["/bin/sh", "-c", "ulimit -d 300000; exec \"$0\" \"$@\""]);
        (int code, _, string error) = second.Wait();
        Assert.That(code, Is.EqualTo(1), error);
        Assert.That(error, Does.Contain("memory"), error);
        (code, _, error) = first.Wait();
        Assert.That(code, Is.EqualTo(1), error);
        Assert.That(error, Does.Contain("rank 1").IgnoreCase.And.Contain("memory"), error);
    }

    [Test]
    public void Disk_Full_IsSaidOnAll_AndTheCheckpointBeforeStays()
    {
        using var run = new SmallRun();
        string folder = run.Folder("full");
        Directory.CreateDirectory(folder);
        if (!Try("mount", "-t", "tmpfs", "-o", "size=700k", "tmpfs", folder))
        {
            Assert.Ignore("mounting a small file system takes root");
        }

        try
        {
            (int code, _, string error) = GptProcess.Run(run.Train("full", [.. RankRuns.Batch, "--gpus", "2", "--steps", "20", "--set", "training.checkpoint_every=1"]));
            Assert.That(code, Is.EqualTo(1), error);
            Assert.That(error, Does.StartWith("gpt: rank ").And.Contain("make room"), error);
            Assert.That(Directory.GetDirectories(Path.Combine(folder, "checkpoints"), "step-*"), Is.Not.Empty);
        }
        finally
        {
            Try("umount", "-l", folder);
        }
    }

    [Test]
    public void Hosts_TrainTogether_AndOneCutOff_EndsBothInTime_SayingWhoWasLost()
    {
        using TwoHosts hosts = TwoHosts.Create();
        using var run = new SmallRun();
        GptProcess[] ranks = Start(hosts, run.Train("together", [.. RankRuns.Batch, .. Patience, "--steps", "6"]));
        Assert.That(Wait(ranks).Select(end => end.Code), Is.All.Zero);
        Assert.That(run.Steps("together"), Has.Count.EqualTo(6));

        ranks = Start(hosts, run.Train("cut", [.. RankRuns.Batch, .. Patience, "--steps", "1000000"]));
        RankRuns.WaitFor(() => RankRuns.StepCount(run, "cut") > 2, "steps", ranks);
        hosts.Cut();
        (int Code, string Output, string Error)[] ends = Wait(ranks);
        Assert.That(ends.Select(end => end.Code), Is.All.EqualTo(1), ends[0].Error + ends[1].Error);
        Assert.That(ends[0].Error, Does.Contain("rank 1").IgnoreCase);
        Assert.That(ends[1].Error, Does.Contain("rank 0").IgnoreCase);
    }

    private static GptProcess[] Start(TwoHosts hosts, string[] call) =>
        [.. Enumerable.Range(0, 2).Select(rank => RankRuns.Start(rank, 2, 29500, call, TwoHosts.FirstAddress, hosts.On(rank), localRank: 0))];

    private static (int Code, string Output, string Error)[] RunAll(params string[][] calls)
    {
        int port = RankRuns.FreePort();
        return Wait([.. calls.Select((call, rank) => RankRuns.Start(rank, calls.Length, port, call))]);
    }

    private static (int Code, string Output, string Error)[] Wait(GptProcess[] ranks)
    {
        try
        {
            return [.. ranks.Select(rank => rank.Wait())];
        }
        finally
        {
            Array.ForEach(ranks, rank => rank.Dispose());
        }
    }

    private static bool Try(params string[] command)
    {
        using Process process = Process.Start(new ProcessStartInfo(command[0], command.Skip(1)) { RedirectStandardError = true, RedirectStandardOutput = true })!;
        process.WaitForExit();
        return process.ExitCode == 0;
    }
}
