using System;
using System.Collections.Generic;
using System.Globalization;
using System.IO;
using System.Linq;
using GptEngine.Gpt.Launching;
using GptEngine.Runtime;
using GptEngine.Runtime.Launching;
using GptEngine.Tests.Data;
using NUnit.Framework;

namespace GptEngine.Tests.Launching;

/// <summary>The built-in launcher over small shell scripts as ranks.</summary>
public sealed class RankLauncherTests
{
    [Test]
    public void Run_AllDone_IsSuccess_EachRankWithItsPlaceAndLog()
    {
        using var ranks = new ScriptedRanks(4, "echo \"$RANK of $WORLD_SIZE, $LOCAL_RANK of $LOCAL_WORLD_SIZE at $MASTER_ADDR\"; echo ${#GPTENGINE_SECRET} >&2");
        Assert.That(ranks.Run(), Is.EqualTo(ExitCode.Success));
        for (int rank = 0; rank < 4; rank++)
        {
            Assert.That(ranks.Log(rank), Does.Contain($"{rank} of 4, {rank} of 4 at 127.0.0.1").And.Contain("64"));
        }

        Assert.That(ranks.Output, Is.EqualTo("0 of 4, 0 of 4 at 127.0.0.1\n"), "rank 0 alone is shown");
        Assert.That(ranks.Errors, Is.EqualTo("64\n"));
    }

    [Test]
    public void Run_EachRankHasItsShareOfTheProcessors()
    {
        using var ranks = new ScriptedRanks(3, "grep Cpus_allowed_list /proc/self/status");
        Assert.That(ranks.Run(), Is.EqualTo(ExitCode.Success));
        Assert.That(
            Enumerable.Range(0, 3).Select(rank => ranks.Log(rank).Split('\t')[^1].Trim()),
            Is.EqualTo(Enumerable.Range(0, 3).Select(rank => CpuList.Format(CpuList.Share(ThreadAffinity.Current, rank, 3)))));
    }

    [TestCase("exit 1", ExitCode.Failed, "ended with exit code 1")]
    [TestCase("exit 2", ExitCode.Usage, "ended with exit code 2")]
    [TestCase("exit 3", ExitCode.MissingDependency, "ended with exit code 3")]
    [TestCase("kill -9 $$", ExitCode.Failed, "was killed (SIGKILL)")]
    [TestCase("kill -11 $$", ExitCode.Failed, "SIGSEGV")]
    public void Run_OneFails_AllEnd_WithTheReasonFirst(string end, ExitCode expected, string said)
    {
        using var ranks = new ScriptedRanks(3, $"if [ $RANK = 2 ]; then echo 'no room left' >&2; {end}; else exec sleep 60; fi");
        Assert.That(ranks.Run(), Is.EqualTo(expected));
        Assert.That(ranks.Errors, Does.StartWith("gpt: rank 2 of 3 ").And.Contain(said).And.Contain("rank-2.log").And.Contain("rank 2: no room left"));
    }

    [Test]
    public void Run_ARankThatFailsBecauseAnotherWasKilled_IsNotBlamed()
    {
        // Rank 1 goes once rank 0 is on its way out: however late, for the launcher waits for it.
        using var ranks = new ScriptedRanks(
            2, "if [ $RANK = 1 ]; then until [ -e $FOLDER/lost ]; do sleep 0.02; done; kill -9 $$; else touch $FOLDER/lost; echo 'lost rank 1' >&2; exit 1; fi",
            settling: TimeSpan.FromMinutes(1));
        Assert.That(ranks.Run(), Is.EqualTo(ExitCode.Failed));
        Assert.That(ranks.Errors, Does.StartWith("gpt: rank 1 of 2 was killed").And.Not.Contain("lost rank 1"));
    }

    [Test]
    public void Run_ARankThatDoesNotEnd_IsKilledAndNamed()
    {
        using var ranks = new ScriptedRanks(
            2, "if [ $RANK = 1 ]; then until [ -e $FOLDER/deaf ]; do sleep 0.02; done; exit 1; fi; trap '' TERM; touch $FOLDER/deaf; sleep 60 & wait; wait",
            grace: TimeSpan.FromMilliseconds(300));
        Assert.That(ranks.Run(), Is.EqualTo(ExitCode.Failed));
        Assert.That(ranks.Errors, Does.Contain("rank 0 did not end within 0.3 s"));
    }

    [Test]
    public void Run_MaxRestarts_StartsAgain_UntilItEnds()
    {
        using var ranks = new ScriptedRanks(2, "echo again $GPTENGINE_RESTART; [ $RANK = 0 ] || [ $GPTENGINE_RESTART = 2 ]", maxRestarts: 3);
        Assert.That(ranks.Run(), Is.EqualTo(ExitCode.Success));
        Assert.That(ranks.Errors, Does.Contain("restart 1 of 3").And.Contain("restart 2 of 3").And.Not.Contain("restart 3"));
        Assert.That(ranks.Log(1), Is.EqualTo("again 0\nagain 1\nagain 2\n"));
    }

    [TestCase("exit 1", 3, Description = "as often as allowed")]
    [TestCase("exit 2", 1, Description = "a wrong call stays wrong")]
    [TestCase("echo 'the run diverged' >&2; exit 1", 2, Description = "the same words twice")]
    [TestCase("echo \"lost after $GPTENGINE_RESTART s\" >&2; exit 1", 3, Description = "other words")]
    [TestCase("echo bye >&2; kill -9 $$", 3, Description = "ended from outside")]
    public void Run_MaxRestarts_Ends(string end, int attempts)
    {
        using var ranks = new ScriptedRanks(1, $"echo here; {end}", maxRestarts: 2);
        Assert.That(ranks.Run(), Is.Not.EqualTo(ExitCode.Success));
        Assert.That(ranks.Log(0).Split('\n').Count(line => line == "here"), Is.EqualTo(attempts));
    }

    [Test]
    public void Run_InterruptedRanks_IsInterrupted()
    {
        using var ranks = new ScriptedRanks(2, "exit 130", maxRestarts: 2);
        Assert.That(ranks.Run(), Is.EqualTo(ExitCode.Interrupted));
    }

    [Test]
    public void Run_VariablesOfAnOuterLauncher_DoNotReachRanks()
    {
        using var ranks = new ScriptedRanks(1, "env") { Variables = new() { ["SLURM_PROCID"] = "7", ["CUDA_VISIBLE_DEVICES"] = "GPU-1" } };
        Assert.That(ranks.Run(), Is.EqualTo(ExitCode.Success));
        Assert.That(ranks.Log(0), Does.Not.Contain("SLURM_PROCID").And.Contain("CUDA_VISIBLE_DEVICES=GPU-1"));
    }

    private sealed class ScriptedRanks(int count, string script, int maxRestarts = 0, TimeSpan? grace = null, TimeSpan? settling = null) : IDisposable
    {
        private readonly TemporaryFolder _folder = new();
        private readonly StringWriter _output = new() { NewLine = "\n" };
        private readonly StringWriter _errors = new() { NewLine = "\n" };

        public Dictionary<string, string> Variables { get; init; } = [];

        public string Output => _output.ToString();

        public string Errors => _errors.ToString();

        public ExitCode Run() => new RankLauncher(
            new RankLaunch
            {
                Program = ["/bin/sh", "-c"],
                Arguments = [script],
                RunFolder = _folder.Path,
                Processors = [.. Enumerable.Range(0, count).Select(rank => CpuList.Share(ThreadAffinity.Current, rank, count))],
                Variables = new Dictionary<string, string>(Variables) { ["FOLDER"] = _folder.Path },
                MaxRestarts = maxRestarts,
                Grace = grace ?? TimeSpan.FromSeconds(10),
                Settling = settling ?? TimeSpan.FromMilliseconds(250),
            },
            TextWriter.Synchronized(_output),
            TextWriter.Synchronized(_errors)).Run();

        public string Log(int rank) => File.ReadAllText(_folder[$"ranks/rank-{rank.ToString(CultureInfo.InvariantCulture)}.log"]);

        public void Dispose() => _folder.Dispose();
    }
}
