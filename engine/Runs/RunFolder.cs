using System;
using System.IO;
using GptEngine.Runtime;

namespace GptEngine.Engine.Runs;

/// <summary>Where everything about a run stands on disk.</summary>
public sealed class RunFolder
{
    /// <param name="path">The folder; made if it is not there.</param>
    /// <exception cref="UserErrorException">It cannot be made or written to.</exception>
    public RunFolder(string path)
    {
        Root = Path.GetFullPath(path);
        try
        {
            Directory.CreateDirectory(Root);
            Directory.CreateDirectory(Checkpoints);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new UserErrorException($"{Root}: the run folder cannot be made ({e.Message.TrimEnd('.')}). Choose another with --run.", ExitCode.Failed, e);
        }
    }

    public string Root { get; }

    /// <summary>The configuration with everything resolved.</summary>
    public string Configuration => Path.Combine(Root, "config.json");

    /// <summary>One JSON object a line.</summary>
    public string Metrics => Path.Combine(Root, "metrics.jsonl");

    public string Plot => Path.Combine(Root, "plot.svg");

    public string Samples => Path.Combine(Root, "samples.txt");

    public string Log => Path.Combine(Root, "log.txt");

    public string Checkpoints => Path.Combine(Root, "checkpoints");

    /// <summary>Replaces a file by a new text at once: a reader sees the old or the new one, never half of one.</summary>
    public static void Replace(string path, string text)
    {
        string aside = path + ".new";
        File.WriteAllText(aside, text);
        File.Move(aside, path, overwrite: true);
    }
}
