using System;
using System.Collections.Generic;
using System.Linq;
using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Threading;
using GptEngine.Runtime;
using GptEngine.Runtime.Communication;
using GptEngine.Runtime.Communication.Tcp;
using NUnit.Framework;

namespace GptEngine.Tests.Communication;

/// <summary>How ranks find each other, whom they refuse, and what they say about it.</summary>
public sealed class RendezvousTests
{
    [TestCase(2, "127.0.0.1")]
    [TestCase(5, "localhost")]
    [TestCase(3, "::1")]
    public void Ranks_InAnyOrder_Meet(int worldSize, string address)
    {
        RequireAddress(address);
        int port = TcpRanks.FreePort();
        Exception?[] failures = TcpRanks.Run(worldSize, rank =>
        {
            // Rank 0 is the last to start.
            Thread.Sleep(rank == 0 ? 300 : 0);
            using RankControl control = RankGroups.Meet(TcpRanks.Environment(rank, worldSize, port, address), TcpRanks.Identity, TcpRanks.Limits);
            string[] all = [.. control.AllGather("names", Encoding.UTF8.GetBytes($"rank {rank}")).Select(Encoding.UTF8.GetString)];
            Assert.That(all, Is.EqualTo(Enumerable.Range(0, worldSize).Select(r => $"rank {r}")));
            Assert.That(control.States.Select(state => state.Host), Is.EqualTo(Enumerable.Range(0, worldSize).Select(r => $"host{r}")));
        });
        Assert.That(failures, Is.All.Null);
    }

    [Test]
    public void Ranks_ThatDiffer_AreNamedEverywhere_WithEachKeyAndItsValues()
    {
        int port = TcpRanks.FreePort();
        Exception?[] failures = TcpRanks.Run(5, rank => RankGroups.Meet(
            TcpRanks.Environment(rank, 5, port),
            rank switch
            {
                1 => TcpRanks.IdentityWith(version: "0.9"),
                2 => TcpRanks.IdentityWith(seed: "2"),
                4 => TcpRanks.IdentityWith(seed: "2", data: "260c", folder: "/mnt"),
                _ => TcpRanks.IdentityWith(folder: $"/home{rank}"),
            },
            TcpRanks.Limits).Dispose());
        Assert.That(TcpRanks.Messages(failures), Is.All.EqualTo(
            "The ranks were not started alike: the program's version is 1.0 on ranks 0, 2, 3, 4 (host0, host2, host3, …), 0.9 on rank 1 (host1); "
            + "the training data is /home0/train.bin (8ddb) on ranks 0, 1, 2, 3 (host0, host1, host2, …), /mnt/train.bin (260c) on rank 4 (host4); "
            + "training.seed is 1 on ranks 0, 1, 3 (host0, host1, host3), 2 on ranks 2, 4 (host2, host4). Give every rank the same program, configuration and data."));
        Assert.That(failures.Cast<UserErrorException>().Select(failure => failure.ExitCode), Is.All.EqualTo(ExitCode.Usage), "starting again does not help");
    }

    [Test]
    public void Ranks_ThatDifferInAll_AreToldAsMuchAsAMessageHolds()
    {
        int port = TcpRanks.FreePort();
        string?[] messages = TcpRanks.Messages(TcpRanks.Run(6, rank => RankGroups.Meet(
            TcpRanks.Environment(rank, 6, port),
            new RunIdentity(Enumerable.Range(0, 50).Select(key => new RunFact($"key{key}", $"{rank} {new string('x', 240)}"))),
            TcpRanks.Limits).Dispose()));
        Assert.That(messages, Is.All.EqualTo(messages[0]));
        Assert.That(messages[0], Has.Length.LessThan(4096).And.StartsWith("The ranks were not started alike: key0 is 0 xxx")
            .And.Contains("and 2 more values; key1 is 0 xxx").And.EndsWith(" more. Give every rank the same program, configuration and data."));
    }

    [Test]
    public void MissingRanks_AreNamedEverywhere()
    {
        int port = TcpRanks.FreePort();
        RankLimits limits = TcpRanks.Limits with { Arrival = TimeSpan.FromSeconds(1) };
        string?[] messages = TcpRanks.Messages(TcpRanks.Run(2, rank => RankGroups.Meet(TcpRanks.Environment(rank, 4, port), TcpRanks.Identity, limits).Dispose()));
        Assert.That(messages, Is.All.Contains($"After 1 s 2 of 4 ranks have not arrived at 127.0.0.1 port {port}: rank 2, 3."));
    }

    [Test]
    public void RootThatNeverStarts_IsSaidToBeMissing()
    {
        RankLimits limits = TcpRanks.Limits with { Arrival = TimeSpan.FromMilliseconds(300) };
        int port = TcpRanks.FreePort();
        UserErrorException alone = Assert.Throws<UserErrorException>(() => RankGroups.Meet(TcpRanks.Environment(1, 2, port), TcpRanks.Identity, limits))!;
        Assert.That(alone.Message, Does.Contain($"Rank 1 on host host1 has not found rank 0 at 127.0.0.1 port {port} within 0.3 s").And.Contain("MASTER_ADDR"));
    }

    [Test]
    public void WrongSecret_IsRefusedAndTheRunGoesOnWaiting()
    {
        int port = TcpRanks.FreePort();
        string? refused = null;
        Exception?[] failures = TcpRanks.Run(3, rank =>
        {
            if (rank == 2)
            {
                RankEnvironment wrong = TcpRanks.Environment(1, 2, port) with { Secret = "another secret, as long as that" };
                refused = Assert.Throws<UserErrorException>(() => RankGroups.Meet(wrong, TcpRanks.Identity, TcpRanks.Limits))!.Message;
                return;
            }

            SpinWait.SpinUntil(() => rank == 0 || Volatile.Read(ref refused) is not null, TimeSpan.FromSeconds(30));
            using RankControl control = RankGroups.Meet(TcpRanks.Environment(rank, 2, port), TcpRanks.Identity, TcpRanks.Limits);
            control.Barrier("the end");
        });
        Assert.That(failures, Is.All.Null);
        Assert.That(refused, Does.Contain("refuses this rank, whose secret is not that of its run"));
    }

    [Test]
    public void RankStartedTwice_IsNamedWithBothProcesses()
    {
        int port = TcpRanks.FreePort();
        string?[] messages = TcpRanks.Messages(TcpRanks.Run(3, i => RankGroups.Meet(TcpRanks.Environment(Math.Min(i, 1), 3, port), TcpRanks.Identity, TcpRanks.Limits).Dispose()));
        Assert.That(messages, Is.All.Contains($"rank 1 is there already, on host host1 (process {Environment.ProcessId})"));
    }

    [Test]
    public void WorldSizesThatDiffer_AreNamed()
    {
        int port = TcpRanks.FreePort();
        string?[] messages = TcpRanks.Messages(TcpRanks.Run(2, rank => RankGroups.Meet(TcpRanks.Environment(rank, 3 - rank, port), TcpRanks.Identity, TcpRanks.Limits).Dispose()));
        Assert.That(messages, Is.All.Contains("it was started as one of 2 and rank 0 as one of 3"));
    }

    [Test]
    public void RankThatDiesWhileWaiting_EndsTheWaiting()
    {
        int port = TcpRanks.FreePort();
        using var dying = new CancellationTokenSource();
        Exception?[] failures = TcpRanks.Run(2, rank =>
        {
            if (rank == 1)
            {
                dying.CancelAfter(TimeSpan.FromMilliseconds(700));
                Assert.Catch<OperationCanceledException>(() => RankGroups.Meet(TcpRanks.Environment(1, 3, port), TcpRanks.Identity, TcpRanks.Limits, dying.Token));
                return;
            }

            RankGroups.Meet(TcpRanks.Environment(0, 3, port), TcpRanks.Identity, TcpRanks.Limits);
        });
        Assert.That(TcpRanks.Messages(failures)[0], Does.Contain("Rank 1 on host host1").And.Contain("has left before all ranks had arrived"));
        Assert.That(failures[1], Is.Null);
    }

    [Test]
    public void TakenPort_IsSaidToBe()
    {
        using var other = new TcpListener(IPAddress.Loopback, 0);
        other.Start();
        int port = ((IPEndPoint)other.LocalEndpoint).Port;
        UserErrorException taken = Assert.Throws<UserErrorException>(() => RankGroups.Meet(TcpRanks.Environment(0, 2, port), TcpRanks.Identity, TcpRanks.Limits))!;
        Assert.That(taken.Message, Does.Contain($"cannot listen at 127.0.0.1 port {port}").And.Contain("MASTER_PORT"));
    }

    [Test]
    public void Port_CanBeUsedAgainAtOnce()
    {
        int port = TcpRanks.FreePort();
        for (int round = 0; round < 3; round++)
        {
            Exception?[] failures = TcpRanks.Run(2, rank =>
            {
                using RankControl control = RankGroups.Meet(TcpRanks.Environment(rank, 2, port), TcpRanks.Identity, TcpRanks.Limits);
                control.Barrier("the end");
            });
            Assert.That(failures, Is.All.Null);
        }
    }

    [TestCase("nothing")]
    [TestCase("the web")]
    [TestCase("half a hello")]
    [TestCase("a hello without proof")]
    [TestCase("noise")]
    public void Rubbish_KeepsNobodyOut(string kind)
    {
        byte[] rubbish = kind switch
        {
            "the web" => "GET / HTTP/1.1\r\nHost: rank0.example.org\r\nAccept: */*\r\n\r\n"u8.ToArray(),
            "half a hello" => "GPTRANKS"u8.ToArray(),
            "a hello without proof" => [.. "GPTRANKS"u8, 1, 0, (byte)ConnectionPurpose.Control, .. new byte[32 + 32]],
            "noise" => [.. Enumerable.Range(0, 100_000).Select(i => (byte)(i * i >> 3))],
            _ => [],
        };
        Exception?[] failures = MeetDespite((port, enough, met) =>
        {
            for (int strangers = 0; !met.IsCancellationRequested; strangers++)
            {
                using Socket stranger = Connect(port, met);
                Say(stranger, rubbish);
                if (strangers == 10)
                {
                    enough.Set();
                }
            }
        });
        Assert.That(failures, Is.All.Null);
    }

    [Test]
    public void FloodOfSilentConnections_KeepsNobodyOutAndIsBounded()
    {
        var flood = new List<Socket>();
        Exception?[] failures = MeetDespite((port, enough, met) =>
        {
            while (flood.Count < 3 * Gate.MostPending)
            {
                flood.Add(Connect(port, met));
            }

            // Long before their time is up, the oldest have made room: that of the latest alone is still held.
            Assert.That(() => flood.Count(socket => socket.Poll(0, SelectMode.SelectRead)), Is.EqualTo(2 * Gate.MostPending).After((int)Gate.Patience.TotalMilliseconds / 2, 20));
            enough.Set();
        });
        Assert.That(failures, Is.All.Null);
        flood.ForEach(socket => socket.Dispose());
    }

    [Test]
    public void Strangers_AreMentionedWhenRanksAreMissing()
    {
        int port = TcpRanks.FreePort();
        string?[] messages = TcpRanks.Messages(TcpRanks.Run(2, i =>
        {
            if (i == 0)
            {
                RankGroups.Meet(TcpRanks.Environment(0, 2, port), TcpRanks.Identity, TcpRanks.Limits with { Arrival = TimeSpan.FromSeconds(2) });
                return;
            }

            RankEnvironment wrong = TcpRanks.Environment(1, 2, port) with { Secret = "another secret, as long as that" };
            RankGroups.Meet(wrong, TcpRanks.Identity, TcpRanks.Limits);
        }));
        Assert.That(messages[0], Does.Contain("rank 1. 1 connection was refused, the last from 127.0.0.1:").And.Contain("it does not know the secret"));
    }

    [Test]
    public void Environment_NeverShowsTheSecret() =>
        Assert.That(TcpRanks.Environment(1, 2, 29500).ToString(), Does.Contain("Rank = 1 of 2").And.Not.Contain(TcpRanks.Secret));

    [Test]
    public void UnfitEnvironment_IsAnErrorOfUsage()
    {
        RankEnvironment fit = TcpRanks.Environment(1, 2, 29500);
        RankEnvironment[] unfit = [fit with { Rank = 2 }, fit with { WorldSize = 0 }, fit with { Secret = "short" }, fit with { MasterPort = 0 }, fit with { LocalRank = 5 }];
        foreach (RankEnvironment environment in unfit)
        {
            Assert.That(Assert.Throws<UserErrorException>(environment.Validate)!.ExitCode, Is.EqualTo(ExitCode.Usage), environment.ToString());
        }
    }

    /// <summary>Two ranks meet, the second once there were enough strangers.</summary>
    private static Exception?[] MeetDespite(Action<int, ManualResetEventSlim, CancellationToken> strangers)
    {
        int port = TcpRanks.FreePort();
        using var met = new CancellationTokenSource();
        using var enough = new ManualResetEventSlim();
        Exception?[] failures = TcpRanks.Run(3, rank =>
        {
            if (rank == 2)
            {
                try
                {
                    strangers(port, enough, met.Token);
                }
                finally
                {
                    enough.Set();
                }

                return;
            }

            if (rank == 1)
            {
                enough.Wait();
            }

            using RankControl control = RankGroups.Meet(TcpRanks.Environment(rank, 2, port), TcpRanks.Identity, TcpRanks.Limits);
            control.Barrier("the end");
            met.Cancel();
        });
        return failures;
    }

    /// <summary>A connection to rank 0, once it listens; one that fails when it does no more.</summary>
    private static Socket Connect(int port, CancellationToken met)
    {
        while (true)
        {
            var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            try
            {
                socket.Connect(IPAddress.Loopback, port);
                return socket;
            }
            catch (SocketException) when (!met.IsCancellationRequested)
            {
                socket.Dispose();
                Thread.Sleep(10);
            }
            catch (SocketException)
            {
                return socket;
            }
        }
    }

    private static void Say(Socket stranger, byte[] rubbish)
    {
        try
        {
            stranger.Send(rubbish);
        }
        catch (SocketException)
        {
            // Hung up on, as it should be.
        }
    }

    private static void RequireAddress(string address)
    {
        if (address == "::1" && !Socket.OSSupportsIPv6)
        {
            Assert.Ignore("this machine has no IPv6");
        }
    }
}
