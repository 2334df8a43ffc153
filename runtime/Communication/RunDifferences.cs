using System.Collections.Generic;
using System.Linq;

namespace GptEngine.Runtime.Communication;

/// <summary>Says in what ranks were not started alike: each name that differs, the values, and which ranks have which.</summary>
internal static class RunDifferences
{
    private const int MostNames = 8, MostValues = 4, MostRanks = 8, MostHosts = 3;

    // Eight names of the longest kind would be longer than a reason may be.
    private const int LongestText = 3000;

    /// <summary>One rank's identity.</summary>
    internal sealed record Member(int Rank, string Host, RunIdentity Identity);

    /// <summary>What differs, in a sentence or two with the remedy; null where nothing does.</summary>
    /// <param name="first">Rank 0.</param>
    /// <param name="others">The others, by rank.</param>
    internal static string? Describe(Member first, IReadOnlyList<Member> others)
    {
        IEnumerable<string> names = first.Identity.Facts.Concat(others.SelectMany(other => other.Identity.Facts)).Select(fact => fact.Name).Distinct();
        string[] differing = [.. names.Where(name => others.Any(other => other.Identity[name]?.Value != first.Identity[name]?.Value))];
        if (differing.Length == 0)
        {
            return null;
        }

        var said = new List<string>();
        foreach (string name in differing.Take(MostNames))
        {
            string sentence = Describe(name, [first, .. others]);
            if (said.Count > 0 && said.Sum(text => text.Length) + sentence.Length > LongestText)
            {
                break;
            }

            said.Add(sentence);
        }

        string more = said.Count < differing.Length ? $"; and {differing.Length - said.Count} more" : "";
        return $"The ranks were not started alike: {string.Join("; ", said)}{more}. Give every rank the same program, configuration and data.";
    }

    private static string Describe(string name, IReadOnlyList<Member> members)
    {
        string[] values =
        [
            .. members.GroupBy(member => member.Identity[name]?.Value)
                .Select(group => $"{group.First().Identity[name]?.ToString() ?? "not there"} on {Ranks([.. group])}"),
        ];
        string more = values.Length > MostValues ? $" and {values.Length - MostValues} more values" : "";
        return $"{name} is {string.Join(", ", values.Take(MostValues))}{more}";
    }

    private static string Ranks(IReadOnlyList<Member> members)
    {
        string ranks = string.Join(", ", members.Take(MostRanks).Select(member => member.Rank));
        string[] hosts = [.. members.Select(member => member.Host).Distinct()];
        string where = string.Join(", ", hosts.Take(MostHosts)) + (hosts.Length > MostHosts ? ", …" : "");
        return $"rank{(members.Count > 1 ? "s" : "")} {ranks}{(members.Count > MostRanks ? $" and {members.Count - MostRanks} more" : "")} ({where})";
    }
}
