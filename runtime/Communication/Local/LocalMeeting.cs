using System;
using System.Collections.Generic;
using System.Collections.Immutable;
using System.Linq;
using System.Threading;

namespace GptEngine.Runtime.Communication.Local;

/// <summary>What the controls of ranks within one process share.</summary>
internal sealed class LocalMeeting(int worldSize, RankLimits limits)
{
    private readonly RankBarrier _barrier = new(worldSize);
    private readonly string[] _whats = new string[worldSize];
    private readonly byte[][] _messages = new byte[worldSize][];
    private readonly LocalRankControl?[] _controls = new LocalRankControl?[worldSize];

    private string? _failure;

    internal RankBoard Board { get; } = new(worldSize);

    internal void Enter(LocalRankControl control)
    {
        if (Interlocked.CompareExchange(ref _controls[control.Rank], control, null) is not null)
        {
            throw new InvalidOperationException($"rank {control.Rank} is there already");
        }

        Board.SetHost(control.Rank, Environment.MachineName);
    }

    internal IReadOnlyList<byte[]> Meet(int rank, string what, byte[] message)
    {
        _whats[rank] = what;
        _messages[rank] = message;
        if (Board.States.FirstOrDefault(state => state.HasLeft) is { } gone)
        {
            FailAll($"{Board.Name(rank)} waits for {what}, and {Board.Name(gone.Rank)} has left the run.");
        }

        if (_barrier.Wait(rank, limits.Meeting) is { Count: > 0 } missing)
        {
            FailAll($"{Board.Name(rank)} has waited {RankBoard.Seconds(limits.Meeting)} for {what}; missing: {Board.Describe(missing)}.");
        }

        int other = Array.FindIndex(_whats, w => w != _whats[0]);
        if (other >= 0)
        {
            FailAll($"The ranks are at different places: rank 0 waits for {_whats[0]}, rank {other} for {_whats[other]}.");
        }

        ImmutableArray<byte[]> all = [.. _messages];

        // What is here must not change before all have it; who comes late here came to the meeting in time.
        _barrier.Wait(rank, limits.Meeting);
        return all;
    }

    internal void FailAll(string reason)
    {
        // The first reason is everybody's: a rank that ends by it may leave before the next has heard of it.
        reason = Interlocked.CompareExchange(ref _failure, reason, null) ?? reason;
        foreach (LocalRankControl? control in _controls)
        {
            control?.EndBy(reason);
        }

        _barrier.Abort(reason);
    }

    internal void Leave(int rank)
    {
        Board.Leave(rank);
        if (_barrier.IsAwaited(rank))
        {
            FailAll($"{Board.Name(rank)} has left the run while others wait for it.");
        }
    }
}
