using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Net;
using System.Threading;

namespace GptEngine.Runtime.Communication.Tcp;

/// <summary>
/// Control over TCP: every rank has a connection to rank 0, which knows all, finds out who is gone, silent or behind, and tells the others.
/// Heartbeats go both ways, on threads of the pool, whatever the rank itself does.
/// </summary>
internal abstract class TcpRankControl : RankControl
{
    /// <summary>Characters of a reason at most.</summary>
    internal const int LongestReason = 4096;

    /// <summary>Bytes of a frame's payload from a rank at most.</summary>
    internal const int LongestFromMember = LongestMessage + 8192;

    /// <summary>Characters of what a meeting is for at most.</summary>
    private protected const int LongestWhat = 256;

    /// <summary>For what was said last to be sent, and for the others to hang up.</summary>
    private protected static readonly TimeSpan Parting = TimeSpan.FromSeconds(2);

    private readonly Timer _heartbeat;
    private long _lastBeat;
    private bool _isDisposed;

    private protected TcpRankControl(int rank, IReadOnlyList<string> hosts, RankLimits limits)
    {
        Rank = rank;
        Limits = limits;
        Board = new RankBoard(hosts.Count);
        for (int other = 0; other < hosts.Count; other++)
        {
            Board.SetHost(other, hosts[other]);
        }

        _heartbeat = new Timer(_ => Beat());
    }

    public override int Rank { get; }

    public override int WorldSize => Board.WorldSize;

    public override IReadOnlyList<RankState> States => Board.States;

    /// <summary>This host's address, by which other ranks reach it.</summary>
    internal abstract IPAddress LocalAddress { get; }

    private protected RankBoard Board { get; }

    private protected RankLimits Limits { get; }

    public override void Barrier(string what) => AllGather(what, []);

    public override IReadOnlyList<byte[]> AllGather(string what, ReadOnlySpan<byte> message)
    {
        ArgumentException.ThrowIfNullOrEmpty(what);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(message.Length, LongestMessage);
        ObjectDisposedException.ThrowIf(_isDisposed, this);
        ThrowIfFailed();
        IReadOnlyList<byte[]>? all = Meet(what.Length <= LongestWhat ? what : what[..LongestWhat], message.ToArray());
        if (all is null)
        {
            ThrowIfFailed();
        }

        return all!;
    }

    public override void Report(string activity, long step)
    {
        ArgumentNullException.ThrowIfNull(activity);
        Board.Report(Rank, activity, step);
    }

    internal override void Progress(long begun, long ended) => Board.Progress(Rank, begun, ended);

    /// <summary>Comes to the meeting and waits for the others.</summary>
    /// <returns>Their messages; null once the run has failed.</returns>
    private protected abstract IReadOnlyList<byte[]>? Meet(string what, byte[] message);

    /// <summary>Says that this rank is there, and looks who else is.</summary>
    private protected abstract void SendHeartbeat();

    private protected abstract void LookForSilence();

    /// <summary>Says farewell and hangs up.</summary>
    private protected abstract void Leave();

    private protected void StartHeartbeat()
    {
        _lastBeat = Stopwatch.GetTimestamp();
        _heartbeat.Change(Limits.Heartbeat, Limits.Heartbeat);
    }

    private protected string Silent(int rank) =>
        $"{Board.Name(rank)} has sent nothing for {RankBoard.Seconds(Limits.Silence)}: it, its host or the network to it has stopped; {Board.LastWords(rank)}.";

    private protected string Gone(int rank) => $"{Board.Name(rank)} is gone: its connection has ended without a farewell; {Board.LastWords(rank)}.";

    protected override void Dispose(bool disposing)
    {
        if (disposing && !_isDisposed)
        {
            _isDisposed = true;
            _heartbeat.Dispose();
            Leave();
        }
    }

    private void Beat()
    {
        SendHeartbeat();

        // After a stop of this process itself, what the others have sent meanwhile waits to be read.
        bool wasStopped = Stopwatch.GetElapsedTime(Interlocked.Exchange(ref _lastBeat, Stopwatch.GetTimestamp())) > Limits.Silence / 2;
        for (int rank = 0; wasStopped && rank < WorldSize; rank++)
        {
            Board.Heard(rank);
        }

        if (Failure is null)
        {
            LookForSilence();
        }
    }
}
