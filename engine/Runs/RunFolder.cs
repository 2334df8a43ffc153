using System;
using System.IO;
using GptEngine.Runtime;

namespace GptEngine.Engine.Runs;

/// <summary>Where everything about a run stands on disk. One process at a time holds it: two would write over each other's checkpoints.</summary>
public sealed class RunFolder : IDisposable
{
    /// <summary>The plot's file within the folder.</summary>
    public const string PlotName = "plot.svg";

    private readonly FileStream _lock;

    /// <param name="path">The folder; made if it is not there.</param>
    /// <exception cref="UserErrorException">It cannot be made or written to, or another process holds it.</exception>
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

        _lock = Lock();
    }

    public string Root { get; }

    /// <summary>The configuration with everything resolved.</summary>
    public string Configuration => Path.Combine(Root, "config.json");

    /// <summary>One JSON object a line.</summary>
    public string Metrics => Path.Combine(Root, "metrics.jsonl");

    public string Plot => Path.Combine(Root, PlotName);

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

    public void Dispose() => _lock.Dispose();

    // The file stays when the lock goes: deleting it would let a third process lock a new one while a second still waits for the old.
    private FileStream Lock()
    {
        try
        {
            return new FileStream(Path.Combine(Root, ".lock"), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new UserErrorException(
                $"{Root} is in use by another gpt train, or cannot be written ({e.Message.TrimEnd('.')}). Wait for it, or choose another folder with --run.",
                ExitCode.Failed,
                e);
        }
    }
}
