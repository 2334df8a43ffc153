using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;

namespace GptEngine.Kernels.Common.Selection;

/// <summary>
/// A measured choice as a line of a file: the chosen word, then each candidate's with its milliseconds or, behind a mark, its fault:
/// <c>small|plain=0.931|small=0.0514|large!its results differ …</c>.
/// </summary>
internal static class ChoiceText
{
    private const char Separator = '|';
    private const char Timed = '=';
    private const char Faulty = '!';
    private const int LongestFault = 300;

    internal static string Format(KernelChoice choice) => string.Join(
        Separator,
        choice.Candidates
            .Select(candidate => candidate.Fault is { } fault
                ? $"{candidate.Word}{Faulty}{Clean(fault)}"
                : string.Create(CultureInfo.InvariantCulture, $"{candidate.Word}{Timed}{candidate.Ms ?? 0:G5}"))
            .Prepend(choice.Chosen));

    /// <summary>What a file says, where it is an answer to this question: of exactly these candidates, one that is right chosen; else null.</summary>
    internal static KernelChoice? Parse(string question, string? text, IReadOnlyList<string> words)
    {
        string[] parts = text?.Split(Separator) ?? [];
        if (parts.Length != words.Count + 1)
        {
            return null;
        }

        var candidates = new KernelCandidate[words.Count];
        for (int i = 0; i < words.Count; i++)
        {
            if (ParseCandidate(parts[i + 1], words[i]) is not { } candidate)
            {
                return null;
            }

            candidates[i] = candidate;
        }

        return Array.Exists(candidates, candidate => candidate.Word == parts[0] && candidate.Fault is null)
            ? new KernelChoice(question, parts[0], ChoiceBasis.Remembered, [.. candidates])
            : null;
    }

    /// <summary>What a file says, whatever the candidates are called: to show it. Null where it is no choice.</summary>
    internal static KernelChoice? Parse(string question, string text)
    {
        string[] words = [.. text.Split(Separator).Skip(1).Select(part => part[..Math.Max(0, part.IndexOfAny([Timed, Faulty]))])];
        return words.Length > 0 && Array.TrueForAll(words, word => word.Length > 0 && word.All(char.IsAsciiLetterOrDigit)) ? Parse(question, text, words) : null;
    }

    /// <summary>A fault as a line can hold it.</summary>
    internal static string Clean(string fault)
    {
        string line = string.Concat(fault.Select(c => char.IsControl(c) || c == Separator ? ' ' : c));
        return line.Length <= LongestFault ? line : $"{line.AsSpan(0, LongestFault - 1)}…";
    }

    private static KernelCandidate? ParseCandidate(string part, string word)
    {
        if (!part.StartsWith(word, StringComparison.Ordinal) || part.Length < word.Length + 2)
        {
            return null;
        }

        string rest = part[(word.Length + 1)..];
        return part[word.Length] switch
        {
            Faulty => new KernelCandidate(word, null, Clean(rest)),
            Timed when double.TryParse(rest, NumberStyles.Float, CultureInfo.InvariantCulture, out double ms) && double.IsFinite(ms) && ms >= 0 =>
                new KernelCandidate(word, ms, null),
            _ => null,
        };
    }
}
