using System;
using System.Collections.Generic;
using System.IO;
using System.Net;
using System.Threading;
using System.Threading.Tasks;

namespace GptEngine.Runtime.Communication.Tcp;

/// <summary>The control of a rank other than 0: a connection to it.</summary>
internal sealed class MemberControl : TcpRankControl
{
    private readonly FramedConnection _root;
    private readonly Task _reader;
    private readonly Lock _lock = new();
    private TaskCompletionSource<IReadOnlyList<byte[]>?>? _met;
    private long _meetings;

    internal MemberControl(FramedConnection root, int rank, IReadOnlyList<string> hosts, RankLimits limits)
        : base(rank, hosts, limits)
    {
        _root = root;
        WhenFailed(_ => Conclude(null));
        _reader = ReadAsync();
        StartHeartbeat();
    }

    internal override IPAddress LocalAddress => _root.LocalAddress;

    public override void Fail(string reason)
    {
        ArgumentNullException.ThrowIfNull(reason);
        _root.Send(new FrameBuilder(FrameKind.Fail).Text(reason, LongestReason).Build());
        End($"{Board.Name(Rank)}: {reason}");
    }

    internal override void Late(string what, long number, TimeSpan waited)
    {
        SendHeartbeat();
        _root.Send(new FrameBuilder(FrameKind.Late).Text(what, LongestWhat).Integer(number).Integer((long)Math.Min(waited.TotalMilliseconds, int.MaxValue)).Build());
    }

    private protected override IReadOnlyList<byte[]>? Meet(string what, byte[] message)
    {
        var met = new TaskCompletionSource<IReadOnlyList<byte[]>?>(TaskCreationOptions.RunContinuationsAsynchronously);
        lock (_lock)
        {
            _met = met;
            _meetings++;
        }

        if (Board[0].HasLeft)
        {
            End($"{Board.Name(Rank)} waits for {what}, and {Board.Name(0)} has left the run.");
            return null;
        }

        if (Failure is not null)
        {
            return null;
        }

        _root.Send(new FrameBuilder(FrameKind.Meet).Integer(_meetings).Text(what, LongestWhat).Bytes(message).Build());

        // Rank 0 keeps the time, and its silence is noticed: this is for a rank 0 that lives and does neither.
        if (!met.Task.Wait(Limits.Meeting + Limits.Silence))
        {
            End($"{Board.Name(Rank)} has waited {RankBoard.Seconds(Limits.Meeting + Limits.Silence)} for {what}, and rank 0 has not said who is missing.");
        }

        return met.Task.IsCompleted ? met.Task.Result : null;
    }

    private protected override void SendHeartbeat()
    {
        RankState own = Board[Rank];
        _root.Send(new FrameBuilder(FrameKind.Heartbeat)
            .Text(own.Activity, RankBoard.LongestActivity)
            .Integer((long)Math.Min(own.SinceReport.TotalMilliseconds, int.MaxValue))
            .Integer(own.CollectivesBegun)
            .Integer(own.CollectivesEnded)
            .Build());
    }

    private protected override void LookForSilence()
    {
        if (Board[0] is { HasLeft: false } root && root.SinceHeard > Limits.Silence)
        {
            End($"{Silent(0)} Or this host, {Board[Rank].Host}, is cut off from it.");
        }
    }

    private protected override void Leave()
    {
        Board.Leave(Rank);
        _root.Send(new FrameBuilder(FrameKind.Farewell).Build());
        Task.WaitAll([_root.FinishAsync(), _reader], Parting);
        _root.Dispose();
    }

    private void Conclude(IReadOnlyList<byte[]>? messages)
    {
        lock (_lock)
        {
            _met?.TrySetResult(messages);
            _met = null;
        }
    }

    private async Task ReadAsync()
    {
        try
        {
            while (Handle(await _root.ReadAsync(LongestFromRoot, CancellationToken.None).ConfigureAwait(false)))
            {
                // Handled.
            }

            // Rank 0 waits for us to hang up; this rank goes on alone until it says farewell itself.
            await _root.FinishAsync().ConfigureAwait(false);
        }
        catch (IOException)
        {
            if (!Board[Rank].HasLeft)
            {
                End(Gone(0));
            }
        }
        catch (InvalidDataException malformed)
        {
            Fail($"rank 0 does not speak as it should: {malformed.Message}.");
        }
    }

    private int LongestFromRoot => (int)Math.Min((1L << 30) + 65536, ((LongestMessage + 4L) * WorldSize) + 65536);

    /// <summary>Whether more will come.</summary>
    private bool Handle((FrameKind Kind, byte[] Payload) frame)
    {
        Board.Heard(0);
        var reader = new FrameReader(frame.Payload);
        switch (frame.Kind)
        {
            case FrameKind.Heartbeat:
                return true;
            case FrameKind.Ask:
                SendHeartbeat();
                return true;
            case FrameKind.Met:
                ReadMet(ref reader);
                return true;
            case FrameKind.Failed:
                End(reader.Text(LongestReason));
                return true;
            case FrameKind.Farewell:
                Board.Leave(0);
                if (_met is not null)
                {
                    End($"{Board.Name(0)} has left the run while {Board.Name(Rank)} waits for it.");
                }

                return false;
            default:
                throw new InvalidDataException($"it said {frame.Kind}");
        }
    }

    private void ReadMet(ref FrameReader reader)
    {
        if (reader.Integer() is var number && number != _meetings)
        {
            throw new InvalidDataException($"meeting {number} has ended, and this rank is at {_meetings}");
        }

        var messages = new byte[WorldSize][];
        for (int rank = 0; rank < messages.Length; rank++)
        {
            messages[rank] = reader.Bytes(LongestMessage).ToArray();
        }

        reader.End();
        Conclude(messages);
    }
}
