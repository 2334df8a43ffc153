using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Threading;
using NUnit.Framework;

namespace GptEngine.Tests.EndToEnd;

/// <summary>Several ranks as users start them, and what becomes of a run when one of them fails.</summary>
public sealed class RankTests
{
    private const int WantedKills = 20;
    private const int Stop = 19, Kill = 9;

    private static readonly string[] Endless = ["--steps", "1000000"];

    [Test]
    public void Train_OneTwoAndFourRanks_WholeAndSharded_TheSameLosses()
    {
        using var run = new SmallRun();
        Expect(0, run.Train("one", [.. RankRuns.Batch, "--steps", "12"]));
        Expect(0, run.Train("two", [.. RankRuns.Batch, "--steps", "12", "--gpus", "2"]));
        Expect(0, run.Train("four", [.. RankRuns.Batch, "--steps", "12", "--gpus", "4", "--set", "training.shard_optimizer=true"]));
        double[] one = RankRuns.Losses(run, "one");
        Assert.That(one, Has.Length.EqualTo(12));
        Assert.That(RankRuns.Losses(run, "two"), Is.EqualTo(one).Within(2e-4).Percent);
        Assert.That(RankRuns.Losses(run, "four"), Is.EqualTo(one).Within(2e-4).Percent);
        Assert.That(Directory.GetFiles(Path.Combine(run.Folder("four"), "ranks")).Select(Path.GetFileName), Is.EquivalentTo(Enumerable.Range(0, 4).Select(rank => $"rank-{rank}.log")));
    }

    [Test, RequiresNvrtc]
    public void Train_TwoRanksOnTheSimulatedGpu_TheLossesOfOne()
    {
        using var run = new SmallRun();
        string[] small = [.. RankRuns.Batch, "--steps", "2", "--device", "sim", "--arch", "sm_70", "--set", "model.n_layers=1", "--set", "training.eval_every=0"];
        Expect(0, run.TrainOnAny("one", small));
        Expect(0, run.TrainOnAny("two", [.. small, "--gpus", "2"]));
        Assert.That(RankRuns.Losses(run, "two"), Is.EqualTo(RankRuns.Losses(run, "one")).Within(1e-2).Percent);
    }

    [Test]
    public void Kill_ARankAtAnyMoment_RestartsLoseNothingButTheStepsSinceTheCheckpoint()
    {
        using var run = new SmallRun();
        string[] call = [.. RankRuns.Batch, "--steps", "40", "--gpus", "2", "--set", "training.checkpoint_every=1", "--set", "training.keep_checkpoints=3"];
        Expect(0, run.Train("whole", call));
        var random = new Random(TestContext.CurrentContext.Random.Next());
        using var process = new GptProcess("", run.Train("killed", [.. call, "--max-restarts", "100"]));
        var killed = new HashSet<int>();
        while (killed.Count < WantedKills && !process.HasExited)
        {
            // Somewhere in the life of ranks that have not been touched yet: while they meet, load, step, or write.
            Thread.Sleep(random.Next(450));
            int[] ranks = [.. process.Children.Except(killed)];
            if (ranks.Length == 2)
            {
                int rank = ranks[random.Next(2)];
                killed.Add(rank);
                GptProcess.Signal(rank, Kill);
                RankRuns.WaitFor(() => process.HasExited || (process.Children.Count == 2 && !process.Children.Intersect(ranks).Any()), "the restart");
            }
        }

        (int code, _, string error) = process.Wait();
        TestContext.Out.WriteLine($"{killed.Count} kills");
        Assert.That(code, Is.Zero, error);
        Assert.That(killed, Has.Count.GreaterThanOrEqualTo(3), "the run is too short to be killed often");
        Assert.That(error, Does.Contain("was killed (SIGKILL)").And.Contain("restart 1 of 100"));
        Assert.That(run.Steps("killed"), Is.EqualTo(run.Steps("whole")));
    }

    [Test]
    public void Stop_ARank_IsNoticedInTimeAndNamed()
    {
        using var run = new SmallRun();
        using var process = new GptProcess("", run.Train("hung", [.. RankRuns.Batch, .. Endless, "--gpus", "3", "--set", "training.batch_size=6", "--set", "training.acc_batch_size=192", "--collective-timeout", "1.5"]));
        RankRuns.WaitFor(() => RankRuns.StepCount(run, "hung") > 2, "steps", process);
        GptProcess.Signal(process.Children[2], Stop);
        (int code, _, string error) = process.Wait();
        Assert.That(code, Is.EqualTo(1));
        Assert.That(error, Does.StartWith("gpt: rank ").And.Contain("rank 2"), error);
        Assert.That(error, Does.Contain("rank 2 is stopped"));
    }

    [TestCase(true)]
    [TestCase(false)]
    public void Signal_ReachesEveryRank_WritesACheckpoint_AndExits130(bool controlC)
    {
        using var run = new SmallRun();
        using var process = new GptProcess("", run.Train("stopped", [.. RankRuns.Batch, .. Endless, "--gpus", "2"]));
        RankRuns.WaitFor(() => RankRuns.StepCount(run, "stopped") > 2, "steps", process);
        if (controlC)
        {
            process.Interrupt();
        }
        else
        {
            process.Terminate();
        }

        (int code, _, string error) = process.Wait();
        Assert.That(code, Is.EqualTo(130), error);
        int steps = run.Steps("stopped").Count;
        Assert.That(run.Checkpoint("stopped", steps), Does.Exist);
        Expect(0, run.Resume("stopped", "--gpus", "2", "--steps", (steps + 2).ToString(System.Globalization.CultureInfo.InvariantCulture)));
        Assert.That(run.Steps("stopped"), Has.Count.EqualTo(steps + 2));
    }

    [Test]
    public void Kill_TheLauncher_EndsItsRanks()
    {
        using var run = new SmallRun();
        using var process = new GptProcess("", run.Train("orphans", [.. RankRuns.Batch, .. Endless, "--gpus", "2"]));
        RankRuns.WaitFor(() => RankRuns.StepCount(run, "orphans") > 0, "steps", process);
        IReadOnlyList<int> ranks = process.Children;
        Assert.That(ranks, Has.Count.EqualTo(2));
        process.Kill();
        RankRuns.WaitFor(() => ranks.All(rank => !Directory.Exists($"/proc/{rank}")), "the ranks' end");
    }

    [Test]
    public void Resume_OnOneAndOnTwoRanks_WhatFourHaveTrainedSharded()
    {
        using var run = new SmallRun();
        string[] sharded = [.. RankRuns.Batch, "--set", "training.shard_optimizer=true"];
        Expect(0, run.Train("whole", [.. RankRuns.Batch, "--steps", "9"]));
        Expect(0, run.Train("parts", [.. sharded, "--steps", "3", "--gpus", "4"]));
        Expect(0, run.Resume("parts", [.. RankRuns.Batch, "--steps", "6"]));
        Expect(0, run.Resume("parts", [.. sharded, "--steps", "9", "--gpus", "2"]));
        Assert.That(RankRuns.Losses(run, "parts"), Is.EqualTo(RankRuns.Losses(run, "whole")).Within(2e-4).Percent);
    }

    [Test]
    public void Train_OneRank_OnThePathOfMany_TheSameBits()
    {
        using var run = new SmallRun();
        Expect(0, run.Train("alone", [.. RankRuns.Batch, "--steps", "4"]));
        (int code, string output, string error) = GptProcess.Run(run.Train("one", [.. RankRuns.Batch, "--steps", "4", "--gpus", "1", "--max-restarts", "1"]));
        Assert.That(code, Is.Zero, error);
        Assert.That(output, Does.StartWith("rank 0 of 1 on "));
        Assert.That(run.Steps("one"), Is.EqualTo(run.Steps("alone")));
    }

    [Test]
    public void Restart_ByAnotherLauncher_GoesOnWithoutBeingToldTo()
    {
        using var run = new SmallRun();
        string[] call = [.. run.Train("again", [.. RankRuns.Batch, "--steps", "6", "--max-restarts", "3"])];
        Expect(0, call);
        (int code, string output, string error) = RunRestarted([.. call.Select(argument => argument == "6" ? "8" : argument)], ("TORCHELASTIC_RESTART_COUNT", "1"));
        Assert.That(code, Is.Zero, error);
        Assert.That(run.Steps("again"), Has.Count.EqualTo(8), output);
    }

    [TestCase("eval", "--checkpoint", "x", "--data", "y", "--gpus", "2")]
    [TestCase("generate", "--checkpoint", "x", "--prompt", "y", "--gpus", "0,1")]
    [TestCase("train", "--preset", "quickstart", "--gpus", "0")]
    [TestCase("train", "--preset", "quickstart", "--gpus", "1,,2")]
    [TestCase("train", "--preset", "quickstart", "--gpus", "2", "--device", "cpu", "--max-restarts", "-1")]
    [TestCase("train", "--preset", "quickstart", "--gpus", "3", "--device", "cpu", "--set", "training.batch_size=4", "--set", "training.micro_batch=null")]
    public void Gpus_WhereTheyCannotBe_IsAUsageError(params string[] call)
    {
        (int code, _, string error) = GptProcess.Run(call);
        Assert.That(code, Is.EqualTo(2), error);
        Assert.That(error, Does.Contain(call.Contains("-1") ? "--max-restarts" : call.Contains("training.batch_size=4") ? "world size of 3" : "--gpus"));
    }

    [Test]
    public void Gpus_WithoutGpus_IsNotTheCpuBySilence()
    {
        if (Directory.Exists("/proc/driver/nvidia"))
        {
            Assert.Ignore("this machine has a GPU");
        }

        using var run = new SmallRun();
        (int code, _, string error) = GptProcess.Run([.. run.TrainOnAny("none", "--gpus", "2")]);
        Assert.That(code, Is.EqualTo(3), error);
        Assert.That(error, Does.Contain("--device cpu"));
    }

    private static (int ExitCode, string Output, string Error) RunRestarted(string[] call, params (string Name, string Value)[] variables)
    {
        using var process = new GptProcess("", variables, [GptProcess.Path], call);
        return process.Wait();
    }

    private static void Expect(int code, string[] call)
    {
        (int exitCode, string output, string error) = GptProcess.Run(call);
        Assert.That(exitCode, Is.EqualTo(code), error + output);
    }
}
