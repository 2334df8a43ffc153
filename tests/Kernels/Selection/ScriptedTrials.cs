using System;
using System.Collections.Generic;
using System.Linq;
using GptEngine.Kernels.Common.Selection;

namespace GptEngine.Tests.Kernels.Selection;

/// <summary>Candidates that take the time, and do the wrong, that a test gives them; a process's worth of trials.</summary>
internal sealed class ScriptedTrials : IKernelTrials
{
    private readonly Dictionary<string, int> _timed = [];

    /// <summary>Milliseconds of each call by word; the last goes on.</summary>
    public required Dictionary<string, double[]> Times { get; init; }

    /// <summary>What happens when a candidate first runs: a difference, null for none, or an exception.</summary>
    public Dictionary<string, Func<string?>> Checks { get; init; } = [];

    /// <summary>Whether the GPU goes on working after a failure.</summary>
    public bool SurvivesFailures { get; init; } = true;

    /// <summary>What was done, in order: <c>check small</c>, <c>time small</c>.</summary>
    public List<string> Done { get; } = [];

    public bool IsDisposed { get; private set; }

    public string? Check(string word)
    {
        Done.Add($"check {word}");
        return Checks.TryGetValue(word, out Func<string?>? check) ? check() : null;
    }

    public double TimeMs(string word)
    {
        Done.Add($"time {word}");
        int call = _timed.GetValueOrDefault(word);
        _timed[word] = call + 1;
        return Times[word].ElementAtOrDefault(call) is > 0 and { } ms ? ms : Times[word][^1];
    }

    public bool IsAlive() => SurvivesFailures;

    public void Dispose() => IsDisposed = true;
}
