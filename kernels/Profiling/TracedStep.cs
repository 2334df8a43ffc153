using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using GptEngine.Runtime.Cuda;
using GptEngine.Runtime.Cuda.Tracing;

namespace GptEngine.Kernels.Profiling;

/// <summary>
/// What a GPU recorded of a step, beside what the host enqueued in it: each piece of work with its records, each collective with its own. The
/// records stand only if they tell of every piece, and of each what it is: one kernel a launch, of its grid, block and name, in the stream's
/// order. Otherwise there is a fault, and no times.
/// </summary>
internal sealed class TracedStep
{
    private readonly (long Start, long End)[] _spans;
    private readonly IReadOnlyList<GpuActivity>[] _activities;
    private readonly (long Start, long End)[] _collectives;

    private TracedStep(int pieces, int collectives)
    {
        _spans = new (long, long)[pieces];
        _activities = new IReadOnlyList<GpuActivity>[pieces];
        _collectives = new (long, long)[collectives];
    }

    /// <summary>Why the records cannot be used: a clause; null where they can.</summary>
    public string? Fault { get; private set; }

    /// <summary>From the step's first record to its last, nanoseconds.</summary>
    public (long Start, long End) Span(int piece) => _spans[piece];

    /// <summary>What was recorded of a piece.</summary>
    public IReadOnlyList<GpuActivity> Activities(int piece) => _activities[piece];

    /// <summary>From when to when a collective of the step ran, nanoseconds.</summary>
    public (long Start, long End) Collective(int number) => _collectives[number];

    /// <summary>Finds each piece's records.</summary>
    /// <param name="pieces">In the order in which they were enqueued; the n-th is work n + 1 to the tracer.</param>
    /// <param name="collectives">How many collectives were enqueued beside them.</param>
    /// <param name="trace">What the GPU recorded.</param>
    public static TracedStep Of(IReadOnlyList<TracedPiece> pieces, int collectives, GpuTrace trace)
    {
        var step = new TracedStep(pieces.Count, collectives);
        step.Fault = trace.Fault ?? step.Match(pieces, trace.Activities) ?? step.MatchCollectives(trace.Activities);
        if (step.Fault is null)
        {
            step.PlaceWaits(pieces);
        }

        return step;
    }

    private string? Match(IReadOnlyList<TracedPiece> pieces, IReadOnlyList<GpuActivity> all)
    {
        ILookup<ulong, GpuActivity> byWork = all.ToLookup(activity => activity.Work);
        long before = 0;
        uint? stream = null;
        for (int i = 0; i < pieces.Count; i++)
        {
            TracedPiece piece = pieces[i];
            string which = string.Create(CultureInfo.InvariantCulture, $"launch {i + 1} of {pieces.Count}, {piece.Name}");

            // A product that is done for the first time is measured on a stream of its own meanwhile.
            stream ??= piece.Shape is null ? null : byWork[(ulong)i + 1].Select(activity => (uint?)activity.Stream).FirstOrDefault();
            GpuActivity[] own = [.. byWork[(ulong)i + 1].Where(activity => stream is null || activity.Stream == stream)];
            _activities[i] = own;
            if (piece.IsWait)
            {
                continue;
            }

            if (own.Length == 0)
            {
                return $"there is no record of {which}";
            }

            if (piece.Shape is { } shape && Misfit(piece.Name, shape, own) is { } misfit)
            {
                return $"{which}: {misfit}";
            }

            if (own[0].Start < before)
            {
                return $"{which} is recorded to have begun before what was enqueued before it";
            }

            _spans[i] = (own[0].Start, own.Max(activity => activity.End));
            before = own[0].Start;
        }

        return null;
    }

    /// <summary>What of a kernel's record is not as it was launched; null where all is.</summary>
    private static string? Misfit(string expression, LaunchShape launched, GpuActivity[] own)
    {
        if (own.Length > 1)
        {
            return string.Create(CultureInfo.InvariantCulture, $"it has {own.Length} records and not one");
        }

        return own[0].Shape is not { } recorded
            ? $"its record is of a {own[0].Name}"
            : recorded.Grid != launched.Grid || recorded.Block != launched.Block
                ? $"it was launched with grid {launched.Grid}, block {launched.Block} and recorded with grid {recorded.Grid}, block {recorded.Block}"
                : IsNameOf(own[0].Name, expression)
                    ? null
                    : $"its record is of {own[0].Name}";
    }

    /// <summary>Whether a compiler's name is that of an expression's function: with its length before it, as compilers write it, or as a word.</summary>
    internal static bool IsNameOf(string compiled, string expression)
    {
        int end = expression.IndexOf('<', StringComparison.Ordinal);
        string function = end < 0 ? expression : expression[..end];
        function = function[(function.LastIndexOf(':') + 1)..];
        if (compiled.Contains(string.Create(CultureInfo.InvariantCulture, $"{function.Length}{function}"), StringComparison.Ordinal))
        {
            return true;
        }

        int at = compiled.IndexOf(function, StringComparison.Ordinal);
        int behind = at + function.Length;
        return at >= 0 && (at == 0 || !IsOfWord(compiled[at - 1])) && (behind == compiled.Length || !IsOfWord(compiled[behind]));

        static bool IsOfWord(char letter) => char.IsAsciiLetterOrDigit(letter) || letter == '_';
    }

    /// <summary>
    /// Collectives by their order: NCCL may launch from a thread of its own, which no number of ours is known to. Each is one kernel of NCCL's,
    /// on their one stream.
    /// </summary>
    private string? MatchCollectives(IReadOnlyList<GpuActivity> all)
    {
        if (_collectives.Length == 0)
        {
            return null;
        }

        GpuActivity[] own = [.. all.Where(activity => activity.Kind == GpuActivityKind.Kernel && activity.Name.Contains("nccl", StringComparison.OrdinalIgnoreCase))];
        if (own.Length != _collectives.Length)
        {
            return string.Create(CultureInfo.InvariantCulture, $"{_collectives.Length} collectives were enqueued, and {own.Length} kernels of NCCL's are recorded");
        }

        for (int i = 0; i < own.Length; i++)
        {
            _collectives[i] = (own[i].Start, own[i].End);
        }

        return own.Select(activity => activity.Stream).Distinct().Count() == 1 ? null : "the kernels of NCCL's are recorded on several streams";
    }

    /// <summary>
    /// A wait begins when what was enqueued before it has ended and the host has asked for it, and ends with the last of the collectives that it
    /// waits for.
    /// </summary>
    private void PlaceWaits(IReadOnlyList<TracedPiece> pieces)
    {
        long ended = 0;
        for (int i = 0; i < pieces.Count; i++)
        {
            if (pieces[i].IsWait)
            {
                long start = Math.Max(ended, pieces[i].Enqueued);
                _spans[i] = (start, _collectives.Take(pieces[i].Collectives).Select(collective => collective.End).Append(start).Max());
            }

            ended = Math.Max(ended, _spans[i].End);
        }
    }
}
