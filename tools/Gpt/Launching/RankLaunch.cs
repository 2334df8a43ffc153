using System;
using System.Collections.Generic;

namespace GptEngine.Gpt.Launching;

/// <summary>What the built-in launcher starts.</summary>
internal sealed record RankLaunch
{
    /// <summary>The program and what stands before its arguments: this program itself.</summary>
    public required IReadOnlyList<string> Program { get; init; }

    /// <summary>The arguments, the same for all ranks.</summary>
    public required IReadOnlyList<string> Arguments { get; init; }

    /// <summary>The run's folder, where their output is kept.</summary>
    public required string RunFolder { get; init; }

    /// <summary>The processors of each rank, by rank.</summary>
    public required IReadOnlyList<IReadOnlyList<int>> Processors { get; init; }

    /// <summary>Variables for all ranks, beside those that tell them their places.</summary>
    public IReadOnlyDictionary<string, string> Variables { get; init; } = new Dictionary<string, string>();

    /// <summary>How often to start again from the last checkpoint after a failure.</summary>
    public int MaxRestarts { get; init; }

    /// <summary>Whether the first start is one after a failure already.</summary>
    public bool IsRestarted { get; init; }

    /// <summary>How long ranks have to end by themselves once one has failed.</summary>
    public TimeSpan Grace { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>
    /// How long others may end after the first rank that failed and still be its cause: a rank that was killed is told from those that fail
    /// because of it. Rank 0's errors are held back for four times as long.
    /// </summary>
    public TimeSpan Settling { get; init; } = TimeSpan.FromMilliseconds(250);

    public int WorldSize => Processors.Count;

    /// <summary>This program, as it was started.</summary>
    public static IReadOnlyList<string> OwnProgram
    {
        get
        {
            string path = Environment.ProcessPath ?? throw new InvalidOperationException("The process does not know its program.");

            // Started as 'dotnet gpt.dll', the program is the host and the assembly its first argument.
            return System.IO.Path.GetFileNameWithoutExtension(path) == "dotnet" ? [path, Environment.GetCommandLineArgs()[0]] : [path];
        }
    }
}
