using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Globalization;
using System.Linq;
using System.Threading;

namespace GptEngine.Runtime.Communication;

/// <summary>What is known of every rank, and the sentences that are made of it. Safe for any thread.</summary>
internal sealed class RankBoard
{
    /// <summary>Characters of an activity at most; what is longer is cut.</summary>
    internal const int LongestActivity = 256;

    private const int NamesInASentence = 4;

    private readonly Lock _lock = new();
    private readonly Entry[] _entries;

    internal RankBoard(int worldSize)
    {
        _entries = new Entry[worldSize];
        Array.Fill(_entries, new Entry { Host = "", Activity = "", Step = -1, HeardAt = Stopwatch.GetTimestamp() });
    }

    internal int WorldSize => _entries.Length;

    internal IReadOnlyList<RankState> States
    {
        get
        {
            lock (_lock)
            {
                return [.. _entries.Select((e, rank) => new RankState(
                    rank, e.Host, e.Words, Stopwatch.GetElapsedTime(e.ReportedAt), Stopwatch.GetElapsedTime(e.HeardAt), e.Begun, e.Ended, e.HasLeft))];
            }
        }
    }

    internal void SetHost(int rank, string host)
    {
        lock (_lock)
        {
            _entries[rank].Host = host;
            _entries[rank].HeardAt = Stopwatch.GetTimestamp();
        }
    }

    internal void Heard(int rank)
    {
        lock (_lock)
        {
            _entries[rank].HeardAt = Stopwatch.GetTimestamp();
        }
    }

    /// <param name="rank">Whose.</param>
    /// <param name="activity">What it does.</param>
    /// <param name="step">In which step; negative for none.</param>
    /// <param name="age">How old the report was when it came.</param>
    internal void Report(int rank, string activity, long step = -1, TimeSpan age = default)
    {
        lock (_lock)
        {
            _entries[rank].Activity = activity.Length <= LongestActivity ? activity : activity[..LongestActivity];
            _entries[rank].Step = step;
            _entries[rank].ReportedAt = Stopwatch.GetTimestamp() - (long)(age.TotalSeconds * Stopwatch.Frequency);
        }
    }

    internal void Progress(int rank, long begun, long ended)
    {
        lock (_lock)
        {
            _entries[rank].Begun = begun;
            _entries[rank].Ended = ended;
        }
    }

    internal void Leave(int rank)
    {
        lock (_lock)
        {
            _entries[rank].HasLeft = true;
        }
    }

    internal RankState this[int rank]
    {
        get
        {
            lock (_lock)
            {
                return State(rank);
            }
        }
    }

    /// <summary><c>rank 3 on host b</c></summary>
    internal string Name(int rank) => this[rank] is { Host.Length: > 0 } state ? $"rank {rank} on host {state.Host}" : $"rank {rank}";

    /// <summary><c>rank 3 on host b (it last said, 12 s ago: step 12, waiting for the gradients)</c></summary>
    internal string Describe(int rank) => $"{Name(rank)} ({LastWords(rank)})";

    /// <summary><c>it last said, 12 s ago: step 12, waiting for the gradients</c></summary>
    internal string LastWords(int rank) => this[rank] switch
    {
        { HasLeft: true } => "it has left the run",
        { Activity.Length: 0 } => "it has not said what it does",
        var state => $"it last said, {Seconds(state.SinceReport)} ago: {state.Activity}",
    };

    /// <summary>The ranks in words; of many only the first.</summary>
    internal string Describe(IReadOnlyCollection<int> ranks)
    {
        string named = string.Join(", ", ranks.Take(NamesInASentence).Select(Describe));
        return ranks.Count > NamesInASentence ? $"{named} and {ranks.Count - NamesInASentence} more" : named;
    }

    /// <summary>Why a collective has not ended: who has not come to it, or who has not finished what comes before.</summary>
    internal string ExplainLate(int complainant, string what, long number, TimeSpan waited)
    {
        IReadOnlyList<RankState> states = States;
        int[] absent = [.. states.Where(s => s.CollectivesBegun < number).Select(s => s.Rank)];
        int[] behind = [.. states.Where(s => s.CollectivesEnded < number - 1).Select(s => s.Rank)];
        string reason = absent.Length > 0 ? $"not come to it {Has(absent)} {Describe(absent)}"
            : behind.Length > 0 ? $"not finished what comes before {Has(behind)} {Describe(behind)}"
            : "every rank has come to it, so what fails is a device or the network between them";
        return $"{Name(complainant)} has waited {Seconds(waited)} for {what}: {reason}.";
    }

    internal static string Seconds(TimeSpan time) => time.TotalSeconds < 10
        ? string.Create(CultureInfo.InvariantCulture, $"{time.TotalSeconds:0.#} s")
        : string.Create(CultureInfo.InvariantCulture, $"{time.TotalSeconds:0} s");

    private RankState State(int rank)
    {
        ref readonly Entry e = ref _entries[rank];
        return new RankState(rank, e.Host, e.Activity, Stopwatch.GetElapsedTime(e.ReportedAt), Stopwatch.GetElapsedTime(e.HeardAt), e.Begun, e.Ended, e.HasLeft);
    }

    private static string Has(int[] ranks) => ranks.Length == 1 ? "has" : "have";

    private struct Entry
    {
        internal string Host;
        internal string Activity;
        internal long Step;
        internal long ReportedAt;
        internal long HeardAt;
        internal long Begun;
        internal long Ended;
        internal bool HasLeft;

        internal readonly string Words => Step < 0 ? Activity : string.Create(CultureInfo.InvariantCulture, $"step {Step}, {Activity}");
    }
}
