using System;
using System.Collections.Generic;
using System.Linq;

namespace GptEngine.Engine.Configuration;

/// <summary>Finds what was probably meant: every refusal of a name says the nearest valid one.</summary>
public static class NearestName
{
    /// <summary>The candidate with the fewest edits from <paramref name="name"/>, or null if there are no candidates.</summary>
    public static string? Of(string name, IEnumerable<string> candidates)
    {
        ArgumentNullException.ThrowIfNull(name);
        return candidates.OrderBy(candidate => Edits(name, candidate)).ThenBy(candidate => candidate, StringComparer.Ordinal).FirstOrDefault();
    }

    /// <summary>Levenshtein's distance, letters compared without case.</summary>
    private static int Edits(string a, string b)
    {
        Span<int> row = stackalloc int[Math.Min(b.Length, 255) + 1];
        b = b.Length > 255 ? b[..255] : b;
        a = a.Length > 255 ? a[..255] : a;
        for (int j = 0; j < row.Length; j++)
        {
            row[j] = j;
        }

        for (int i = 1; i <= a.Length; i++)
        {
            int diagonal = row[0];
            row[0] = i;
            for (int j = 1; j < row.Length; j++)
            {
                int substitution = diagonal + (char.ToLowerInvariant(a[i - 1]) == char.ToLowerInvariant(b[j - 1]) ? 0 : 1);
                diagonal = row[j];
                row[j] = Math.Min(substitution, Math.Min(row[j], row[j - 1]) + 1);
            }
        }

        return row[^1];
    }
}
