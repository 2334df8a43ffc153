using System;
using System.Collections.Generic;

namespace GptEngine.Runtime.Communication.Local;

/// <summary>The control of a rank that is a thread.</summary>
internal sealed class LocalRankControl : RankControl
{
    private readonly LocalMeeting _meeting;
    private bool _isDisposed;

    internal LocalRankControl(LocalMeeting meeting, int rank)
    {
        _meeting = meeting;
        Rank = rank;
        meeting.Enter(this);
    }

    public override int Rank { get; }

    public override int WorldSize => _meeting.Board.WorldSize;

    public override IReadOnlyList<RankState> States => _meeting.Board.States;

    public override void Barrier(string what) => AllGather(what, []);

    public override IReadOnlyList<byte[]> AllGather(string what, ReadOnlySpan<byte> message)
    {
        ArgumentException.ThrowIfNullOrEmpty(what);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(message.Length, LongestMessage);
        ObjectDisposedException.ThrowIf(_isDisposed, this);
        ThrowIfFailed();
        return _meeting.Meet(Rank, what, message.ToArray());
    }

    public override void Fail(string reason) => _meeting.FailAll($"{_meeting.Board.Name(Rank)}: {reason}");

    public override void Report(string activity, long step) => _meeting.Board.Report(Rank, activity, step);

    internal override void Progress(long begun, long ended) => _meeting.Board.Progress(Rank, begun, ended);

    internal override void Late(string what, long number, TimeSpan waited) => _meeting.FailAll(_meeting.Board.ExplainLate(Rank, what, number, waited));

    internal void EndBy(string reason) => End(reason);

    protected override void Dispose(bool disposing)
    {
        if (disposing && !_isDisposed)
        {
            _isDisposed = true;
            _meeting.Leave(Rank);
        }
    }
}
