using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.IO;
using System.Linq;
using System.Net;
using System.Threading;
using System.Threading.Tasks;

namespace GptEngine.Runtime.Communication.Tcp;

/// <summary>Rank 0's control: the centre of the star.</summary>
internal sealed class RootControl : TcpRankControl
{
    // What rank 0 sends of one meeting is one frame.
    private const long LargestMeeting = 1L << 30;

    // A rank that does not answer by then is judged by what it said last.
    private static readonly TimeSpan PatienceForAnswers = TimeSpan.FromSeconds(1);

    private readonly IReadOnlyList<RootRendezvous.Arrival?> _members;
    private readonly Task[] _readers;
    private readonly Lock _lock = new();
    private RootMeeting _meeting;
    private int _isFailing;

    internal RootControl(IReadOnlyList<RootRendezvous.Arrival?> members, string ownHost, RankLimits limits)
        : base(0, [.. members.Select(member => member?.Introduction.HostName ?? ownHost)], limits)
    {
        _members = members;
        _meeting = new RootMeeting(1, members.Count);
        WhenFailed(_ => EndMeeting());
        _readers = [.. members.OfType<RootRendezvous.Arrival>().Select(ReadAsync)];
        StartHeartbeat();
    }

    internal override IPAddress LocalAddress => _members[1]!.Connection.LocalAddress;

    public override void Fail(string reason) => FailAll($"{Board.Name(0)}: {reason}");

    internal override void Late(string what, long number, TimeSpan waited) => _ = FindOutAsync(0, what, number, waited);

    private protected override IReadOnlyList<byte[]>? Meet(string what, byte[] message)
    {
        Task<IReadOnlyList<byte[]>?> done;
        lock (_lock)
        {
            done = _meeting.Done;
        }

        Arrive(0, what, message);
        return done.GetAwaiter().GetResult();
    }

    private protected override void SendHeartbeat() => SendAll(new FrameBuilder(FrameKind.Heartbeat).Build());

    private protected override void LookForSilence()
    {
        foreach (RankState state in Board.States)
        {
            if (state.Rank != 0 && !state.HasLeft && state.SinceHeard > Limits.Silence)
            {
                FailAll(Silent(state.Rank));
                return;
            }
        }

        string? late = null;
        lock (_lock)
        {
            if (_meeting.Waited > Limits.Meeting)
            {
                late = $"{Board.Name(_meeting.First)} has waited {RankBoard.Seconds(_meeting.Waited)} for {_meeting.What}; missing: {Board.Describe(_meeting.Missing)}.";
            }
        }

        if (late is not null)
        {
            FailAll(late);
        }
    }

    private protected override void Leave()
    {
        Board.Leave(0);
        SendAll(new FrameBuilder(FrameKind.Farewell).Build());
        FramedConnection[] connections = [.. _members.OfType<RootRendezvous.Arrival>().Select(member => member.Connection)];
        Task.WaitAll([.. connections.Select(connection => connection.FinishAsync()), .. _readers], Parting);
        Array.ForEach(connections, connection => connection.Dispose());
    }

    /// <summary>Asks every rank where it is, for what the last heartbeats said may be seconds old; then blames and ends the run.</summary>
    private async Task FindOutAsync(int complainant, string what, long number, TimeSpan waited)
    {
        long asked = Stopwatch.GetTimestamp();
        SendAll(new FrameBuilder(FrameKind.Ask).Build());
        while (Stopwatch.GetElapsedTime(asked) is var since && since < PatienceForAnswers
            && Board.States.Any(state => state.Rank != 0 && !state.HasLeft && state.SinceHeard > since))
        {
            await Task.Delay(10).ConfigureAwait(false);
        }

        FailAll(Board.ExplainLate(complainant, what, number, waited));
    }

    private void FailAll(string reason)
    {
        // Told before this rank itself knows, which then says farewell.
        if (Interlocked.Exchange(ref _isFailing, 1) == 0)
        {
            SendAll(new FrameBuilder(FrameKind.Failed).Text(reason, LongestReason).Build());
            End(reason);
        }
    }

    private void SendAll(byte[] frame)
    {
        foreach (RootRendezvous.Arrival? member in _members)
        {
            member?.Connection.Send(frame);
        }
    }

    private void EndMeeting()
    {
        lock (_lock)
        {
            _meeting.End(null);
        }
    }

    private void Arrive(int rank, string what, byte[] message)
    {
        string? problem = null;
        lock (_lock)
        {
            if (_meeting.IsOpen && _meeting.What != what)
            {
                problem = $"The ranks are at different places: {Board.Name(_meeting.First)} waits for {_meeting.What}, {Board.Name(rank)} for {what}.";
            }
            else if (Board.States.FirstOrDefault(state => state.HasLeft) is { } gone)
            {
                problem = $"{Board.Name(rank)} waits for {what}, and {Board.Name(gone.Rank)} has left the run.";
            }
            else if (_meeting.Add(rank, what, message) is { } all)
            {
                problem = Conclude(all);
            }
        }

        if (problem is not null)
        {
            FailAll(problem);
        }
    }

    private string? Conclude(IReadOnlyList<byte[]> all)
    {
        if (all.Sum(message => (long)message.Length) > LargestMeeting)
        {
            return $"The messages for {_meeting.What} take more than {LargestMeeting >> 20} MiB in all.";
        }

        var frame = new FrameBuilder(FrameKind.Met).Integer(_meeting.Number);
        foreach (byte[] message in all)
        {
            frame.Bytes(message);
        }

        SendAll(frame.Build());
        RootMeeting ended = _meeting;
        _meeting = new RootMeeting(ended.Number + 1, WorldSize);
        ended.End(all);
        return null;
    }

    private async Task ReadAsync(RootRendezvous.Arrival member)
    {
        int rank = member.Introduction.Rank;
        try
        {
            Task<(FrameKind Kind, byte[] Payload)> next = member.Next;
            while (Handle(rank, await next.ConfigureAwait(false)))
            {
                next = member.Connection.ReadAsync(LongestFromMember, CancellationToken.None);
            }

            await member.Connection.FinishAsync().ConfigureAwait(false);
        }
        catch (IOException)
        {
            // Once this rank has said farewell, the others hang up.
            if (!Board[0].HasLeft)
            {
                FailAll(Gone(rank));
            }
        }
        catch (InvalidDataException malformed)
        {
            FailAll($"{Board.Name(rank)} does not speak as a rank does: {malformed.Message}.");
        }
    }

    /// <summary>Whether more will come.</summary>
    private bool Handle(int rank, (FrameKind Kind, byte[] Payload) frame)
    {
        Board.Heard(rank);
        var reader = new FrameReader(frame.Payload);
        switch (frame.Kind)
        {
            case FrameKind.Heartbeat:
                Note(rank, ref reader);
                return true;
            case FrameKind.Meet:
                long number = reader.Integer();
                string what = reader.Text(LongestWhat);
                byte[] message = reader.Bytes(LongestMessage).ToArray();
                reader.End();
                RequireNumber(number);
                Arrive(rank, what, message);
                return true;
            case FrameKind.Fail:
                FailAll($"{Board.Name(rank)}: {reader.Text(LongestReason)}");
                return true;
            case FrameKind.Late:
                _ = FindOutAsync(rank, reader.Text(LongestWhat), reader.Integer(), TimeSpan.FromMilliseconds(reader.Integer(0, int.MaxValue)));
                return true;
            case FrameKind.Farewell:
                Board.Leave(rank);
                FailIfAwaited(rank);
                return false;
            default:
                throw new InvalidDataException($"it said {frame.Kind}");
        }
    }

    private void Note(int rank, ref FrameReader reader)
    {
        string activity = reader.Text(RankBoard.LongestActivity);
        TimeSpan age = TimeSpan.FromMilliseconds(reader.Integer(0, int.MaxValue));
        long begun = reader.Integer();
        long ended = reader.Integer();
        reader.End();
        Board.Report(rank, activity, age: age);
        Board.Progress(rank, begun, ended);
    }

    private void RequireNumber(long number)
    {
        lock (_lock)
        {
            if (number != _meeting.Number)
            {
                throw new InvalidDataException($"it is at meeting {number}, and the run at {_meeting.Number}");
            }
        }
    }

    private void FailIfAwaited(int rank)
    {
        bool isAwaited;
        lock (_lock)
        {
            isAwaited = _meeting.IsOpen && _meeting.Missing.Contains(rank);
        }

        if (isAwaited)
        {
            FailAll($"{Board.Name(rank)} has left the run while others wait for it.");
        }
    }
}
