using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;

namespace GptEngine.Runtime.Launching;

/// <summary>
/// CUDA_VISIBLE_DEVICES as the driver reads it: numbers, or identifiers (<c>GPU-8932f937</c>, <c>MIG-…</c>), up to the first that is neither;
/// a GPU named twice hides all.
/// </summary>
public static class VisibleGpus
{
    /// <summary>The entries that count; null where the variable is not set, and all GPUs are seen under their own numbers.</summary>
    public static IReadOnlyList<string>? Parse(string? variable)
    {
        if (variable is null)
        {
            return null;
        }

        string[] entries = [.. variable.Split(',').Select(entry => entry.Trim()).TakeWhile(IsDevice)];
        return entries.Distinct(StringComparer.Ordinal).Count() == entries.Length ? entries : [];
    }

    /// <summary>What to set CUDA_VISIBLE_DEVICES to, so that some of the GPUs seen now are seen, in the order given.</summary>
    /// <param name="variable">The variable as it is; null for not set.</param>
    /// <param name="chosen">Numbers among the GPUs seen, from 0.</param>
    /// <exception cref="UserErrorException">Usage: there is no such GPU, or one is named twice.</exception>
    public static string Choose(string? variable, IReadOnlyList<int> chosen)
    {
        ArgumentNullException.ThrowIfNull(chosen);
        if (chosen.GroupBy(number => number).FirstOrDefault(group => group.Count() > 1) is { } twice)
        {
            throw new UserErrorException($"--gpus names GPU {twice.Key} twice; a GPU can have one rank.", ExitCode.Usage);
        }

        IReadOnlyList<string>? seen = Parse(variable);
        return string.Join(',', chosen.Select(number => seen is null
            ? number.ToString(CultureInfo.InvariantCulture)
            : number < seen.Count
                ? seen[number]
                : throw new UserErrorException(
                    $"--gpus asks for GPU {number}, and CUDA_VISIBLE_DEVICES={variable} shows {seen.Count}, counted from 0.", ExitCode.Usage)));
    }

    private static bool IsDevice(string entry) =>
        (entry.Length is > 0 and <= 4 && entry.All(char.IsAsciiDigit))
        || entry.StartsWith("GPU-", StringComparison.Ordinal) || entry.StartsWith("MIG-", StringComparison.Ordinal);
}
