using System;
using System.Globalization;
using System.IO;
using System.Linq;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Threading;
using GptEngine.Runtime;
using GptEngine.Runtime.Communication;
using GptEngine.Runtime.Communication.Tcp;
using NUnit.Framework;

namespace GptEngine.Tests.Communication;

/// <summary>What ranks do with messages that are not what they should be, from those who know the secret and from those who do not.</summary>
public sealed class WireTests
{
    [Test]
    public void Introduction_ComesBackAsItWasSent()
    {
        string hostile = "\u001b[31m\ud800 " + new string('ü', 5000) + "\n";
        var sent = new RankIntroduction(3, 8, "höst", 4711, new RunIdentity(new("seed", "", "/datä"), new("training.sample_prompt", hostile, hostile)));
        RankIntroduction read = RankIntroduction.Read((FrameKind.Join, sent.ToFrame()[FrameBuilder.HeaderBytes..]));
        Assert.That(read with { Identity = sent.Identity }, Is.EqualTo(sent));
        Assert.That(read.Identity.Facts, Is.EqualTo(sent.Identity.Facts), "what is compared is what arrives");
        Assert.That(sent.Identity.Facts[1].Value, Has.Length.AtMost(RunFact.LongestValue).And.Contains("5008 characters, SHA-256"));
    }

    [Test]
    public void Introduction_OfTheMostFacts_FitsItsFrame()
    {
        int each = (RunIdentity.LongestText / RunIdentity.MostFacts) - RunFact.LongestName;
        var most = new RunIdentity(Enumerable.Range(0, RunIdentity.MostFacts).Select(i => new RunFact(new string('n', RunFact.LongestName - 3) + i.ToString("000", CultureInfo.InvariantCulture), new string('v', each))));
        byte[] frame = new RankIntroduction(3, 8, new string('h', RankEnvironment.LongestHostName), 4711, most).ToFrame();
        Assert.That(frame, Has.Length.AtMost(RankIntroduction.LongestFrame));
        Assert.Throws<ArgumentException>(() => _ = new RunIdentity([.. most.Facts, new RunFact("one", "more")]));
    }

    [Test]
    public void Introduction_CutAnywhereOrWithAnyByteChanged_IsReadOrRefused()
    {
        byte[] payload = new RankIntroduction(3, 8, "host", 4711, TcpRanks.Identity).ToFrame()[FrameBuilder.HeaderBytes..];
        for (int length = 0; length < payload.Length; length++)
        {
            Assert.Throws<InvalidDataException>(() => RankIntroduction.Read((FrameKind.Join, payload[..length])));
        }

        for (int at = 0; at < payload.Length; at++)
        {
            foreach (byte value in (byte[])[0, 1, 0x7F, 0x80, 0xFF])
            {
                byte[] changed = [.. payload];
                changed[at] = value;
                try
                {
                    RankIntroduction read = RankIntroduction.Read((FrameKind.Join, changed));
                    Assert.That(read.HostName.Any(char.IsControl), Is.False);
                }
                catch (InvalidDataException)
                {
                    // Refused in words, as it may be.
                }
            }
        }
    }

    [Test]
    public void Text_CannotSteerATerminal()
    {
        byte[] frame = new FrameBuilder(FrameKind.Fail).Text("a\u001b[31mb\nc", 100).Build();
        Assert.That(new FrameReader(frame.AsSpan(FrameBuilder.HeaderBytes)).Text(100), Is.EqualTo("a?[31mb?c"));
    }

    [Test]
    public void PretendedRank0_IsRecognised()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var pretender = new Thread(() =>
        {
            using Socket caller = listener.AcceptSocket();
            var hello = new byte[43];
            caller.Receive(hello);
            caller.Send(hello);
            caller.Receive(new byte[HMACSHA256.HashSizeInBytes]);
            caller.Send([1, .. new byte[HMACSHA256.HashSizeInBytes]]);
            Thread.Sleep(100);
        })
        { IsBackground = true };
        pretender.Start();
        RankEnvironment environment = TcpRanks.Environment(1, 2, ((IPEndPoint)listener.LocalEndpoint).Port);
        UserErrorException error = Assert.Throws<UserErrorException>(() => RankGroups.Meet(environment, TcpRanks.Identity, TcpRanks.Limits))!;
        Assert.That(error.Message, Does.Contain("pretends to be a rank and does not know the secret"));
        pretender.Join();
    }

    [TestCase("too long")]
    [TestCase("of no kind")]
    [TestCase("of another kind")]
    public void RankThatIntroducesItselfWrongly_IsAStranger(string frame)
    {
        int port = TcpRanks.FreePort();
        Exception?[] failures = TcpRanks.Run(3, rank =>
        {
            if (rank == 2)
            {
                using FramedConnection connection = Prove(port);
                connection.Send(frame switch
                {
                    "too long" => [0xFF, 0xFF, 0xFF, 0x7F, (byte)FrameKind.Join],
                    "of no kind" => new FrameBuilder((FrameKind)200).Integer(1).Build(),
                    _ => new FrameBuilder(FrameKind.Farewell).Build(),
                });
                Assert.CatchAsync<IOException>(() => connection.ReadAsync(100, CancellationToken.None), "hung up on");
                return;
            }

            Thread.Sleep(rank * 300);
            using RankControl control = RankGroups.Meet(TcpRanks.Environment(rank, 2, port), TcpRanks.Identity, TcpRanks.Limits);
            control.Barrier("the end");
        });
        Assert.That(failures, Is.All.Null);
    }

    [Test]
    public void RankThatSpeaksWronglyInARun_EndsItAndIsNamed()
    {
        int port = TcpRanks.FreePort();
        string?[] messages = TcpRanks.Messages(TcpRanks.Run(3, rank =>
        {
            if (rank == 2)
            {
                using FramedConnection connection = Prove(port);
                connection.Send(new RankIntroduction(2, 3, "host2", 1, TcpRanks.Identity).ToFrame());
                Assert.That(connection.ReadAsync(10_000, CancellationToken.None).GetAwaiter().GetResult().Kind, Is.EqualTo(FrameKind.Welcome));
                connection.Send(new FrameBuilder(FrameKind.Meet).Integer(77).Text("a meeting far off", 100).Bytes([]).Build());
                while (connection.ReadAsync(10_000, CancellationToken.None).GetAwaiter().GetResult().Kind != FrameKind.Failed)
                {
                    // Heartbeats come before.
                }

                return;
            }

            using RankControl control = RankGroups.Meet(TcpRanks.Environment(rank, 3, port), TcpRanks.Identity, TcpRanks.Limits);
            TcpRanks.WaitForFailure(control);
            control.ThrowIfFailed();
        }));
        Assert.That(messages[2], Is.Null);
        Assert.That(messages[..2], Is.All.Contains("rank 2 on host host2 does not speak as a rank does: it is at meeting 77, and the run at 1"));
    }

    /// <summary>A connection to rank 0 that has proven that it knows the secret.</summary>
    private static FramedConnection Prove(int port)
    {
        for (int attempt = 0; ; attempt++)
        {
            var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            try
            {
                socket.Connect(IPAddress.Loopback, port);
                Handshake.CallAsync(socket, TcpRanks.Secret, ConnectionPurpose.Control, CancellationToken.None).GetAwaiter().GetResult();
                return new FramedConnection(socket);
            }
            catch (SocketException) when (attempt < 500)
            {
                // Rank 0 does not listen yet.
                socket.Dispose();
                Thread.Sleep(10);
            }
        }
    }
}
