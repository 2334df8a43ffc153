using System;
using System.Collections.Generic;

namespace GptEngine.Runtime.Communication;

/// <summary>What must be the same on every rank of a run, checked before a step is spent. Each is a text of at most <see cref="LongestValue"/> characters.</summary>
/// <param name="ProgramVersion">The program's version, as <c>--version</c> prints it.</param>
/// <param name="Configuration">A hash of the resolved configuration.</param>
/// <param name="Dataset">The checksum of the training stream.</param>
public sealed record RunIdentity(string ProgramVersion, string Configuration, string Dataset)
{
    /// <summary>Characters of a value at most.</summary>
    public const int LongestValue = 256;

    /// <summary>Where another rank's differs: <c>the configuration is '3f…', and '77…' on rank 0</c>; nothing where it does not.</summary>
    internal IEnumerable<string> DifferencesFrom(RunIdentity first)
    {
        if (ProgramVersion != first.ProgramVersion)
        {
            yield return $"its program's version is '{ProgramVersion}' and that of rank 0 '{first.ProgramVersion}'";
        }

        if (Configuration != first.Configuration)
        {
            yield return $"its configuration's hash is '{Configuration}' and that of rank 0 '{first.Configuration}'";
        }

        if (Dataset != first.Dataset)
        {
            yield return $"its dataset's checksum is '{Dataset}' and that of rank 0 '{first.Dataset}'";
        }
    }

    internal void Validate()
    {
        foreach (string value in (ReadOnlySpan<string>)[ProgramVersion, Configuration, Dataset])
        {
            ArgumentNullException.ThrowIfNull(value);
            ArgumentOutOfRangeException.ThrowIfGreaterThan(value.Length, LongestValue);
        }
    }
}
