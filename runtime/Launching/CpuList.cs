using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;

namespace GptEngine.Runtime.Launching;

/// <summary>Sets of logical processors in the kernel's text form, <c>0-19,40-59</c>.</summary>
public static class CpuList
{
    // As many as sched_setaffinity's mask here has.
    internal const int Most = 8192;

    /// <summary>The processors of a list, ascending; none for an empty text.</summary>
    /// <exception cref="FormatException">The text is not of that form.</exception>
    public static IReadOnlyList<int> Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        var processors = new SortedSet<int>();
        foreach (string range in text.Trim().Split(',', StringSplitOptions.RemoveEmptyEntries))
        {
            string[] ends = range.Split('-');
            if (ends.Length > 2 || !TryNumber(ends[0], out int first) || !TryNumber(ends[^1], out int last) || last < first)
            {
                throw new FormatException($"'{text}' is not a list of processors.");
            }

            processors.UnionWith(Enumerable.Range(first, last - first + 1));
        }

        return [.. processors];
    }

    /// <summary>The text form of a set.</summary>
    public static string Format(IEnumerable<int> processors)
    {
        var ranges = new List<(int First, int Last)>();
        foreach (int processor in processors.Order())
        {
            if (ranges.Count > 0 && ranges[^1].Last == processor - 1)
            {
                ranges[^1] = (ranges[^1].First, processor);
            }
            else
            {
                ranges.Add((processor, processor));
            }
        }

        return string.Join(',', ranges.Select(range => range.First == range.Last
            ? range.First.ToString(CultureInfo.InvariantCulture)
            : string.Create(CultureInfo.InvariantCulture, $"{range.First}-{range.Last}")));
    }

    /// <summary>
    /// Part <paramref name="index"/> of <paramref name="parts"/> of the processors: neighbours, as even as can be. With more parts than
    /// processors, several have the same one.
    /// </summary>
    public static IReadOnlyList<int> Share(IReadOnlyList<int> processors, int index, int parts)
    {
        ArgumentNullException.ThrowIfNull(processors);
        ArgumentOutOfRangeException.ThrowIfZero(processors.Count);
        if (parts >= processors.Count)
        {
            return [processors[(int)((long)index * processors.Count / parts)]];
        }

        int first = (int)((long)index * processors.Count / parts), end = (int)((index + 1L) * processors.Count / parts);
        return [.. processors.Skip(first).Take(end - first)];
    }

    private static bool TryNumber(string text, out int number) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out number) && number < Most;
}
