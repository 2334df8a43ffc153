using System;
using System.Linq;
using NUnit.Framework;

namespace GptEngine.Tests.Communication;

/// <summary>Ranks as real processes: sums between them, and what the others say of one that dies or stops.</summary>
public sealed class RankProcessTests
{
    [Test]
    public void Processes_SumAndLeaveInGoodOrder()
    {
        RankProcess[] ranks = Start("sums", 3);
        try
        {
            Assert.That(ranks.Select(rank => rank.Wait()), Is.All.Matches<(int ExitCode, string Output, string Error)>(ended =>
                ended.ExitCode == 0 && ended.Error.Length == 0 && ended.Output.Contains("step 49", StringComparison.Ordinal)));
        }
        finally
        {
            Array.ForEach(ranks, rank => rank.Dispose());
        }
    }

    [TestCase(0)]
    [TestCase(2)]
    public void KilledRank_EndsTheOthersAndIsNamed(int victim) =>
        AssertNamed(victim, silenceMs: 20_000, rank => rank.Kill(), $"rank {victim} on host host{victim} is gone: its connection has ended without a farewell; it");

    [TestCase(0)]
    [TestCase(1)]
    public void StoppedRank_EndsTheOthersAndIsNamed(int victim) =>
        AssertNamed(victim, silenceMs: 1500, rank => rank.Stop(), $"rank {victim} on host host{victim} has sent nothing for 1.5 s");

    private static void AssertNamed(int victim, int silenceMs, Action<RankProcess> harm, string expected)
    {
        RankProcess[] ranks = Start("endless", 3, silenceMs);
        try
        {
            Array.ForEach(ranks, rank => rank.WaitFor("step 5"));
            harm(ranks[victim]);
            foreach (RankProcess rank in ranks.Where((_, i) => i != victim))
            {
                (int exitCode, _, string error) = rank.Wait();
                Assert.That(exitCode, Is.EqualTo(1), error);
                Assert.That(error, Does.Contain(expected));
            }
        }
        finally
        {
            Array.ForEach(ranks, rank => rank.Dispose());
        }
    }

    private static RankProcess[] Start(string role, int worldSize, int silenceMs = 20_000)
    {
        int port = TcpRanks.FreePort();
        return [.. Enumerable.Range(0, worldSize).Select(rank => new RankProcess(role, rank, worldSize, port, silenceMs: silenceMs))];
    }
}
