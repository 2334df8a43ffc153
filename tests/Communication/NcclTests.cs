using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Globalization;
using System.IO;
using System.Linq;
using GptEngine.Runtime.Simulator.Driver;
using GptEngine.Tests.Data;
using NUnit.Framework;

namespace GptEngine.Tests.Communication;

/// <summary>
/// What NCCL is called with, by a library of its interface that writes its calls down: argument by argument, by version, and what becomes
/// of its failures. That the real library moves the bytes is for a machine with GPUs to show. Needs a C compiler.
/// </summary>
public sealed class NcclTests
{
    private readonly Dictionary<bool, string> _trained = [];
    private TemporaryFolder _folder = null!;
    private string _library = null!;

    [OneTimeSetUp]
    public void BuildLibrary()
    {
        _folder = new TemporaryFolder();
        _library = Path.Combine(_folder.Path, "libnccl.so.2");
        string source = Path.Combine(AppContext.BaseDirectory, "Communication", "fake_nccl.c");
        try
        {
            using Process compiler = Process.Start("cc", ["-shared", "-fPIC", "-w", "-o", _library, source]);
            compiler.WaitForExit();
            Assert.That(compiler.ExitCode, Is.Zero, "the C compiler refuses fake_nccl.c");
        }
        catch (System.ComponentModel.Win32Exception)
        {
            Assert.Ignore("this machine has no C compiler, called cc");
        }
    }

    [OneTimeTearDown]
    public void RemoveLibrary() => _folder.Dispose();

    [Test]
    public void Calls_HaveTheirArgumentsInOrder()
    {
        (int exitCode, string output, string error) = RunAlone("22703", out string[] calls);
        Assert.That(exitCode, Is.Zero, error);
        Assert.That(output, Does.StartWith("NCCL 2.27.3\nheard 4 on a stream of their own\ndone"));
        string[] expected =
        [
            $"ncclGetUniqueId {calls[0].Split(' ')[1]}",
            $"ncclCommInitRankConfig ranks 1 id {calls[0].Split(' ')[1]} rank 0 config 24 cafebeef 21400 0",
            .. calls[2..6],
            "ncclCommRegister 0x1000 4096",
            "ncclAllReduce 0x1000 0x1000 1000 type 6 operation 0 stream 0x5eed",
            "ncclReduceScatter 0x2000 0x8000 6 type 9 operation 0 stream 0x5eed",
            "ncclAllGather 0x9000 0x3000 5 type 8 stream 0x5eed",
            "ncclBroadcast 0xa000 0xa000 7 type 2 root 0 stream 0x5eed",
            "ncclGroupStart",
            "ncclAllReduce 0x1000 0x1000 1000 type 6 operation 0 stream 0x5eed",
            "ncclAllReduce 0x2000 0x2000 6 type 9 operation 0 stream 0x5eed",
            "ncclGroupEnd",
            "ncclCommDeregister 0xabc",
            "ncclCommFinalize",
            "ncclCommDestroy aborted 0",
        ];
        Assert.That(calls, Is.EqualTo(expected));
        Assert.That(calls[2..6].Select(call => call.Split(' ')[0]), Is.EqualTo(new[] { "ncclAllReduce", "ncclReduceScatter", "ncclAllGather", "ncclBroadcast" }), "connections");
        Assert.That(calls[2], Does.EndWith(" 1 type 7 operation 0 stream 0x5eed"));
    }

    [TestCase("21003", false, false)]
    [TestCase("21304", false, false)]
    [TestCase("21403", true, false)]
    [TestCase("21903", true, true)]
    public void OlderVersions_AreCalledAsTheyCanBe(string version, bool configures, bool registers)
    {
        (int exitCode, _, string error) = RunAlone(version, out string[] calls);
        Assert.That(exitCode, Is.Zero, error);
        Assert.That(calls.Any(call => call.StartsWith("ncclCommInitRankConfig", StringComparison.Ordinal)), Is.EqualTo(configures));
        Assert.That(calls.Any(call => call.StartsWith("ncclCommInitRank ", StringComparison.Ordinal)), Is.EqualTo(!configures));
        Assert.That(calls.Contains("ncclCommFinalize"), Is.EqualTo(configures));
        Assert.That(calls.Any(call => call.StartsWith("ncclCommRegister", StringComparison.Ordinal)), Is.EqualTo(registers));
        Assert.That(calls[^1], Is.EqualTo("ncclCommDestroy aborted 0"));
    }

    [TestCase("2804")]
    [TestCase("20907")]
    public void TooOldAVersion_IsRefused(string version)
    {
        (int exitCode, _, string error) = RunAlone(version, out _);
        Assert.That(exitCode, Is.EqualTo(3));
        Assert.That(error, Does.Contain($"is NCCL {version}, and 2.10 is the oldest that serves. Install NCCL 2.10 or newer"));
    }

    [Test]
    public void FailingCall_IsNamedInWordsAndEndsInAnAbort()
    {
        (int exitCode, _, string error) = RunAlone("22703", out string[] calls, ("FAKE_NCCL_FAIL", "ncclReduceScatter:2"));
        Assert.That(exitCode, Is.EqualTo(1));
        Assert.That(error, Does.Contain(
            "ncclReduceScatter: ncclSystemError: unhandled system error; socketStartConnect: Connect to 10.0.0.1 failed. That is: a call of the system failed"));
        Assert.That(calls[^1], Is.EqualTo("ncclCommAbort"));
    }

    /// <summary>A group that cannot go out ends the run, and the thread's group as well.</summary>
    [TestCase("ncclGroupStart", "ncclGroupStart")]
    [TestCase("ncclGroupEnd", "ncclGroupEnd")]
    public void FailingGroup_IsNamedInWordsAndEndsInAnAbort(string failing, string last)
    {
        (int exitCode, _, string error) = RunAlone("22703", out string[] calls, ("FAKE_NCCL_FAIL", $"{failing}:3"));
        Assert.That(exitCode, Is.EqualTo(1));
        Assert.That(error, Does.Contain($"{failing}: ncclInternalError"));
        Assert.That(calls[^2..], Is.EqualTo(new[] { last, "ncclCommAbort" }));
    }

    [Test]
    public void FailingCallInAGroup_EndsTheGroupBeforeTheAbort()
    {
        (int exitCode, _, string error) = RunAlone("22703", out string[] calls, ("FAKE_NCCL_FAIL", "ncclAllReduce:3:in a group"));
        Assert.That(exitCode, Is.EqualTo(1));
        Assert.That(error, Does.Contain("ncclAllReduce: ncclInternalError"));
        Assert.That(calls[^4..].Select(call => call.Split(' ')[0]), Is.EqualTo(new[] { "ncclGroupStart", "ncclAllReduce", "ncclGroupEnd", "ncclCommAbort" }));
    }

    [Test]
    public void FailureOfJoining_IsNamedInWords()
    {
        (int exitCode, _, string error) = RunAlone("22703", out _, ("FAKE_NCCL_FAIL", "ncclCommInitRankConfig:5"));
        Assert.That(exitCode, Is.EqualTo(1));
        Assert.That(error, Does.Contain("ncclCommInitRankConfig: ncclInvalidUsage").And.Contain("two ranks on one GPU"));
    }

    [Test]
    public void FailureInTheBackground_IsFoundBetweenSteps()
    {
        (int exitCode, _, string error) = RunAlone("22703", out string[] calls, ("FAKE_NCCL_ASYNC", "6"));
        Assert.That(exitCode, Is.EqualTo(1));
        Assert.That(error, Does.Contain("ncclRemoteError").And.Contain("another rank has ended"));
        Assert.That(calls[^1], Is.EqualTo("ncclCommAbort"));
    }

    [Test]
    public void UniqueId_TravelsFromRank0ToTheOthers()
    {
        int port = TcpRanks.FreePort();
        string[] logs = [.. Enumerable.Range(0, 2).Select(rank => Path.Combine(_folder.Path, $"rank{rank}-{Guid.NewGuid():N}"))];
        using var root = Start(0, 2, port, "22703", logs[0]);
        using var member = Start(1, 2, port, "22703", logs[1]);
        Assert.That(root.Wait().ExitCode, Is.Zero, root.Wait().Error);
        Assert.That(member.Wait().ExitCode, Is.Zero, member.Wait().Error);
        string id = File.ReadLines(logs[0]).First().Split(' ')[1];
        for (int rank = 0; rank < 2; rank++)
        {
            Assert.That(File.ReadAllText(logs[rank]), Does.Contain($"ncclCommInitRankConfig ranks 2 id {id} rank {rank} "));
            Assert.That(File.ReadAllText(logs[rank]), Does.Contain("ncclReduceScatter 0x2000 0x8000 6 type 9")
                .And.Contain("ncclAllGather 0x9000 0x3000 5 type 8").And.Contain("ncclBroadcast 0xa000 0xa000 7 type 2 root 1"));
        }
    }

    [Test]
    public void HungGpu_IsNoticedAndTheAbsentRankNamed()
    {
        int port = TcpRanks.FreePort();
        string[] logs = [Path.Combine(_folder.Path, "hung0"), Path.Combine(_folder.Path, "hung1")];
        using var root = Start(0, 2, port, "22703", logs[0], "nccl-hung", silenceMs: 6000);
        using var member = Start(1, 2, port, "22703", logs[1], "nccl-hung", silenceMs: 6000);
        foreach (RankProcess rank in (RankProcess[])[root, member])
        {
            Assert.That(rank.Wait().Error, Does.Contain("rank 0 on host host0 has waited")
                .And.Contains("s for its GPU to do the work with the collectives that it was given: not come to it has rank 1 on host host1 (it last said").And.Contains("step 3 of rank 1"));
        }

        Assert.That(logs.Select(log => File.ReadLines(log).Last()), Is.All.EqualTo("ncclCommAbort"));
    }

    /// <summary>
    /// Captured steps over NCCL's calls, on GPUs whose streams do nothing sooner or later than events demand: the collectives' events are
    /// enough, within graphs and between them.
    /// </summary>
    [Test, RequiresNvrtc]
    public void Training_WithStreamsInAnUnluckyOrder_GivesTheSameBits([Values] bool sharded)
    {
        string expected = Trained(sharded);
        foreach (StreamOrder order in (StreamOrder[])[StreamOrder.OthersLate, StreamOrder.FirstLate])
        {
            (int exitCode, string output, string error) = Train(sharded, order);
            Assert.That(exitCode, Is.Zero, error);
            Assert.That(output, Is.EqualTo(expected), $"{order}");
        }

        string[] lines = expected.Split('\n');
        Assert.That(lines[0], Is.EqualTo(lines[1]), "on every rank");
    }

    /// <summary>NCCL knows the arenas that every step's collectives work in, before they do, and no longer when their memory goes.</summary>
    [Test, RequiresNvrtc]
    public void Training_RegistersItsArenas([Values] bool sharded)
    {
        _ = Trained(sharded);
        string[][] calls = [.. File.ReadLines(TrainingLog(sharded)).Select(line => line.Split(' '))];

        string[][] registered = [.. calls.Where(call => call[0] == "ncclCommRegister")];
        Assert.That(registered, Has.Length.EqualTo(sharded ? 4 : 2), "gradients, and weights where they are gathered, of two ranks");
        Assert.That(calls.Count(call => call[0] == "ncclCommDeregister"), Is.EqualTo(registered.Length));
        string[][] collectives = [.. calls.Where(call => call[0] is "ncclAllReduce" or "ncclReduceScatter" or "ncclAllGather")];
        int ends = Array.FindIndex(calls, call => call[0] == "ncclCommFinalize");
        Assert.That(calls.Take(ends).Count(call => call[0] == "ncclCommDeregister"), Is.GreaterThanOrEqualTo(registered.Length / 2), "a rank takes back before its communicator ends");
        foreach (string[] arena in registered)
        {
            long start = Address(arena[1]), bytes = long.Parse(arena[2], CultureInfo.InvariantCulture);
            Assert.That(bytes, Is.GreaterThanOrEqualTo(sizeof(float) * collectives.Max(call => long.Parse(call[3], CultureInfo.InvariantCulture))), "an arena, not a bucket of it");
            Assert.That(collectives.Any(call => Address(call[1]) >= start && Address(call[1]) < start + bytes));
        }

        static long Address(string text) => long.Parse(text[2..], NumberStyles.HexNumber, CultureInfo.InvariantCulture);
    }

    /// <summary>A wait that is left out of the captured work, not of the rehearsal before it, shows in one of the two orders.</summary>
    [TestCase(false, StreamOrder.FirstLate, "before gradient bucket 1")]
    [TestCase(true, StreamOrder.OthersLate, "after parameters bucket 1")]
    [TestCase(true, StreamOrder.OthersLate, "after gradients.square_sums")]
    [RequiresNvrtc]
    public void Training_AForgottenWait_Shows(bool sharded, StreamOrder order, string forgotten)
    {
        string expected = Trained(sharded);
        string[] waits = expected.Split('\n')[2].Split(", ");
        int[] places = [.. Enumerable.Range(0, waits.Length).Where(wait => waits[wait] == forgotten)];
        Assert.That(places, Has.Length.GreaterThanOrEqualTo(2), expected);
        (int exitCode, string output, string error) = Train(sharded, order, places[1]);
        Assert.That(exitCode != 0 || output != expected, $"without the wait {forgotten} the same: {output}{error}");
        TestContext.Out.WriteLine(exitCode == 0 ? output : error);
    }

    [Test]
    public void VersionsThatDiffer_AreNamed()
    {
        int port = TcpRanks.FreePort();
        using var root = Start(0, 2, port, "22703", Path.Combine(_folder.Path, "differs0"));
        using var member = Start(1, 2, port, "21805", Path.Combine(_folder.Path, "differs1"));
        foreach (RankProcess rank in (RankProcess[])[root, member])
        {
            Assert.That(rank.Wait().Error, Does.Contain("Rank 0 has NCCL 2.27.3 and rank 1 NCCL 2.18.5"));
        }
    }

    /// <summary>What a run says whose streams wait for all; made once.</summary>
    private string Trained(bool sharded)
    {
        if (!_trained.TryGetValue(sharded, out string? output))
        {
            (int exitCode, output, string error) = Train(sharded, StreamOrder.AtOnce, log: TrainingLog(sharded));
            Assert.That(exitCode, Is.Zero, error);
            _trained[sharded] = output;
        }

        return output;
    }

    /// <summary>The calls of that run.</summary>
    private string TrainingLog(bool sharded) => Path.Combine(_folder.Path, sharded ? "trained-sharded" : "trained");

    private (int ExitCode, string Output, string Error) Train(bool sharded, StreamOrder order, int forgotten = -1, string log = "/dev/null")
    {
        using RankProcess ranks = Start(
            0, 2, 1, "22703", log, "nccl-train", 20_000, (NcclTraining.OrderVariable, order.ToString()), (NcclTraining.ShardedVariable, sharded ? "1" : ""),
            (NcclTraining.ForgottenVariable, forgotten.ToString(CultureInfo.InvariantCulture)));
        return ranks.Wait();
    }

    private (int ExitCode, string Output, string Error) RunAlone(string version, out string[] calls, params (string, string)[] variables)
    {
        string log = Path.Combine(_folder.Path, $"calls-{Guid.NewGuid():N}");
        using RankProcess rank = Start(0, 1, 1, version, log, variables: variables);
        var ended = rank.Wait();
        calls = File.Exists(log) ? File.ReadAllLines(log) : [];
        return ended;
    }

    private RankProcess Start(int rank, int worldSize, int port, string version, string log, string role = "nccl", int silenceMs = 20_000, params (string, string)[] variables)
    {
        List<(string, string)> all = [("GPTENGINE_NCCL", _library), ("FAKE_NCCL_VERSION", version), ("FAKE_NCCL_LOG", log), .. variables];
        return new RankProcess(role, rank, worldSize, port, silenceMs: silenceMs, variables: [.. all]);
    }
}
