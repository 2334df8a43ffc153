using System;
using System.Linq;
using System.Threading;
using NUnit.Framework;

namespace GptEngine.Tests.Communication;

/// <summary>Ranks on several hosts, which are network namespaces: they meet, and notice that one is cut off.</summary>
public sealed class HostNetworkTests
{
    private const int Hosts = 3;
    private const int Port = 29500;
    private const int SilenceMs = 1500;

    [Test]
    public void RanksOnSeveralHosts_MeetAndSum()
    {
        using var network = new HostNetwork(Hosts);
        RankProcess[] ranks = Start(network, "sums", silenceMs: 20_000);
        try
        {
            Assert.That(ranks.Select(rank => rank.Wait()), Is.All.Matches<(int ExitCode, string Output, string Error)>(ended => ended.ExitCode == 0 && ended.Error.Length == 0));
        }
        finally
        {
            Array.ForEach(ranks, rank => rank.Dispose());
        }
    }

    [Test]
    public void HostCutOffAmidCollectives_IsNamedOnTheOthersAndKnowsItselfCutOff()
    {
        const int victim = 2;
        using var network = new HostNetwork(Hosts);
        RankProcess[] ranks = Start(network, "endless", SilenceMs);
        try
        {
            Array.ForEach(ranks, rank => rank.WaitFor("step 5"));

            // What the victim last said travels with its heartbeats, four a second: on a busy machine not at once.
            Thread.Sleep(2 * SilenceMs);
            network.CutOff(victim);
            foreach (RankProcess rank in ranks.SkipLast(1))
            {
                Assert.That(rank.Wait().Error, Does.Contain("rank 2 on host host2 has sent nothing for 1.5 s").And.Contains("it last said").And.Contains("step "));
            }

            Assert.That(ranks[victim].Wait().Error, Does.Contain("rank 0 on host host0 has sent nothing for 1.5 s").And.Contains("Or this host, host2, is cut off from it."));
        }
        finally
        {
            Array.ForEach(ranks, rank => rank.Dispose());
        }
    }

    [Test]
    public void HostThatNeverComes_IsNamed()
    {
        using var network = new HostNetwork(Hosts);
        network.CutOff(1);
        RankProcess[] ranks = Start(network, "sums", silenceMs: 20_000, arrivalMs: 2000);
        try
        {
            Assert.That(ranks[0].Wait().Error, Does.Contain($"After 2 s 1 of 3 ranks has not arrived at {HostNetwork.Address(0)} port {Port}: rank 1."));
            Assert.That(ranks[1].Wait().Error, Does.Contain($"Rank 1 on host host1 has not found rank 0 at {HostNetwork.Address(0)} port {Port} within 2 s"));
            Assert.That(ranks[2].Wait().Error, Does.Contain("ranks has not arrived").And.Contains("rank 1."));
        }
        finally
        {
            Array.ForEach(ranks, rank => rank.Dispose());
        }
    }

    private static RankProcess[] Start(HostNetwork network, string role, int silenceMs, int arrivalMs = 20_000) => [.. Enumerable.Range(0, Hosts).Select(rank =>
        new RankProcess(
            role, rank, Hosts, Port, HostNetwork.Address(0), silenceMs, network[rank], (RankProgram.ArrivalVariable, $"{arrivalMs}")))];
}
