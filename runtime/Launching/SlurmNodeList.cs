using System;
using System.Globalization;

namespace GptEngine.Runtime.Launching;

/// <summary>Slurm's short forms: host lists (<c>dgx[01-04,7],login1</c>) and counts by node (<c>8(x2),4</c>).</summary>
public static class SlurmNodeList
{
    /// <summary>The first host of a list.</summary>
    /// <exception cref="UserErrorException">Usage: the list is not of Slurm's form; quotes it.</exception>
    public static string First(string list)
    {
        ArgumentNullException.ThrowIfNull(list);
        var host = new System.Text.StringBuilder();
        for (int i = 0; i < list.Length && list[i] != ','; i++)
        {
            if (list[i] != '[')
            {
                host.Append(IsHostCharacter(list[i]) ? list[i] : throw Refuse(list));
                continue;
            }

            int end = list.IndexOf(']', i);
            host.Append(end < 0 ? throw Refuse(list) : FirstNumber(list.AsSpan(i + 1, end - i - 1), list));
            i = end;
        }

        return host.Length > 0 ? host.ToString() : throw Refuse(list);
    }

    /// <summary>How many tasks the node of this number has.</summary>
    /// <param name="counts">As SLURM_TASKS_PER_NODE has it: <c>8(x2),4</c> is 8, 8, 4.</param>
    /// <param name="node">From 0.</param>
    /// <exception cref="UserErrorException">Usage: the text is not of that form, or has no such node.</exception>
    public static int TasksOf(string counts, int node)
    {
        ArgumentNullException.ThrowIfNull(counts);
        long behind = node;
        foreach (string part in counts.Split(','))
        {
            int bracket = part.IndexOf("(x", StringComparison.Ordinal);
            string count = bracket < 0 ? part : part[..bracket];
            string times = bracket < 0 ? "1" : part[(bracket + 2)..].TrimEnd(')');
            if (!int.TryParse(count, NumberStyles.None, CultureInfo.InvariantCulture, out int tasks)
                || !int.TryParse(times, NumberStyles.None, CultureInfo.InvariantCulture, out int nodes))
            {
                break;
            }

            if (behind < nodes)
            {
                return tasks;
            }

            behind -= nodes;
        }

        throw new UserErrorException($"SLURM_TASKS_PER_NODE is '{counts}', which does not say how many tasks node {node} has.", ExitCode.Usage);
    }

    // Within brackets the first of 01-04,7 is 01, with its zeros.
    private static ReadOnlySpan<char> FirstNumber(ReadOnlySpan<char> numbers, string list)
    {
        int end = numbers.IndexOfAny('-', ',');
        ReadOnlySpan<char> first = end < 0 ? numbers : numbers[..end];
        return first.Length > 0 && !first.ContainsAnyExceptInRange('0', '9') ? first : throw Refuse(list);
    }

    private static bool IsHostCharacter(char c) => char.IsAsciiLetterOrDigit(c) || c is '-' or '.' or '_';

    private static UserErrorException Refuse(string list) =>
        new($"'{list}' is not a list of hosts as Slurm writes it (dgx[01-04],login1). Set MASTER_ADDR to the host of rank 0.", ExitCode.Usage);
}
