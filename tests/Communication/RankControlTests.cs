using System;
using System.Linq;
using System.Threading;
using GptEngine.Runtime.Communication;
using NUnit.Framework;

namespace GptEngine.Tests.Communication;

/// <summary>Control over TCP: meetings, and the news that a rank is gone, silent or behind.</summary>
public sealed class RankControlTests
{
    // The limit of collectives, of which there are none, only makes heartbeats come often.
    private static readonly RankLimits ShortMeeting = TcpRanks.Limits with { Collective = TimeSpan.FromMilliseconds(200), Meeting = TimeSpan.FromSeconds(2) };

    [Test]
    public void Meetings_OneAfterAnother_CarryEveryMessage()
    {
        Exception?[] failures = TcpRanks.RunMet(4, TcpRanks.Limits, control =>
        {
            for (int round = 0; round < 50; round++)
            {
                byte[] message = new byte[round == 49 ? RankControl.LongestMessage : round];
                Array.Fill(message, (byte)(control.Rank + round));
                var all = control.AllGather($"round {round}", message);
                for (int rank = 0; rank < 4; rank++)
                {
                    Assert.That(all[rank].AsSpan().IndexOfAnyExcept((byte)(rank + round)), Is.EqualTo(-1));
                    Assert.That(all[rank], Has.Length.EqualTo(message.Length));
                }
            }

            control.Barrier("the end");
        });
        Assert.That(failures, Is.All.Null);
    }

    [TestCase(0)]
    [TestCase(2)]
    public void RankThatFails_EndsAllWithItsReason(int failing)
    {
        string?[] messages = TcpRanks.Messages(TcpRanks.RunMet(3, TcpRanks.Limits, control =>
        {
            if (control.Rank == failing)
            {
                control.Fail("the disk is full");
            }

            control.Barrier("a checkpoint");
        }));
        Assert.That(messages, Is.All.EqualTo($"rank {failing} on host host{failing}: the disk is full"));
    }

    [TestCase(0)]
    [TestCase(1)]
    public void MissingRank_IsNamedWithItsLastWords(int missing)
    {
        string?[] messages = TcpRanks.Messages(TcpRanks.RunMet(3, ShortMeeting, control =>
        {
            TcpRanks.Report(control, $"step 12, rank {control.Rank} reads tokens");
            if (control.Rank == missing)
            {
                TcpRanks.WaitForFailure(control);
                control.ThrowIfFailed();
            }

            control.Barrier("the checkpoint of step 12");
        }));

        // On a busy machine another may not have come in time either, and is named with it.
        Assert.That(messages, Is.All.Match($@"for the checkpoint of step 12; missing: (rank \d on .*, )?rank {missing} on host host{missing} \(it last said"));
        Assert.That(messages, Is.All.Contains($"step 12, rank {missing} reads tokens"));
    }

    [Test]
    public void RanksAtDifferentPlaces_AreSaidToBe()
    {
        string?[] messages = TcpRanks.Messages(TcpRanks.RunMet(2, TcpRanks.Limits, control => control.Barrier($"place {control.Rank}")));
        Assert.That(messages, Is.All.Contains("The ranks are at different places").And.All.Contains("place 0").And.All.Contains("place 1"));
    }

    [TestCase(0)]
    [TestCase(1)]
    public void RankThatLeavesInGoodOrder_EndsOnlyWhoWaitsForIt(int leaving)
    {
        string?[] messages = TcpRanks.Messages(TcpRanks.RunMet(3, TcpRanks.Limits, control =>
        {
            control.Barrier("the start");
            if (control.Rank != leaving)
            {
                Thread.Sleep(300);
                control.ThrowIfFailed();
                control.Barrier("the end");
            }
        }));
        Assert.That(messages[leaving], Is.Null);
        Assert.That(messages.Where((_, rank) => rank != leaving), Is.All.Contains($"rank {leaving} on host host{leaving} has left the run"));
    }

    [Test]
    public void LateCollective_IsBlamedOnWhoHasNotComeToIt()
    {
        RankLimits limits = TcpRanks.Limits with { Collective = TimeSpan.FromMilliseconds(400) };
        string?[] messages = TcpRanks.Messages(TcpRanks.RunMet(3, limits, control =>
        {
            control.Progress(control.Rank == 1 ? 11 : 12, 11);
            TcpRanks.Report(control, "step 7, backward", begun: 11);
            if (control.Rank == 2)
            {
                control.Late("the all-reduce of 1000 fp32 (collective 12)", 12, TimeSpan.FromSeconds(40));
            }

            TcpRanks.WaitForFailure(control);
            control.ThrowIfFailed();
        }));
        Assert.That(messages, Is.All.Contains(
            "rank 2 on host host2 has waited 40 s for the all-reduce of 1000 fp32 (collective 12): not come to it has rank 1 on host host1 (it last said"));
        Assert.That(messages, Is.All.Contains("step 7, backward"));
    }

    [Test]
    public void TooLongAMessage_IsRefused()
    {
        Exception?[] failures = TcpRanks.RunMet(2, TcpRanks.Limits, control =>
        {
            Assert.Throws<ArgumentOutOfRangeException>(() => control.AllGather("too much", new byte[RankControl.LongestMessage + 1]));
            control.Barrier("the end");
        });
        Assert.That(failures, Is.All.Null);
    }
}
