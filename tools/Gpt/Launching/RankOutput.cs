using System;
using System.Globalization;
using System.IO;
using GptEngine.Runtime;

namespace GptEngine.Gpt.Launching;

/// <summary>
/// Where a rank's progress goes. The built-in launcher keeps what each rank prints; other launchers mix it all on one screen, so there only
/// rank 0 prints, and the others write to their logs in the run folder themselves.
/// </summary>
internal sealed class RankOutput : IDisposable
{
    private readonly StreamWriter? _log;

    /// <param name="rank">Which this is.</param>
    /// <param name="runFolder">The run's folder.</param>
    /// <exception cref="UserErrorException">The log cannot be written.</exception>
    public RankOutput(LaunchedRank rank, string runFolder)
    {
        if (rank.IsOwn || rank.Rank == 0)
        {
            return;
        }

        string path = PathOf(runFolder, rank.Rank);
        try
        {
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            _log = new StreamWriter(new FileStream(path, FileMode.Append, FileAccess.Write, FileShare.ReadWrite)) { AutoFlush = true };
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new UserErrorException($"{path}: rank {rank.Rank}'s log cannot be written ({e.Message.TrimEnd('.')}).", ExitCode.Failed, e);
        }
    }

    /// <summary>For what goes well.</summary>
    public TextWriter Output => _log ?? Console.Out;

    /// <summary>For warnings.</summary>
    public TextWriter Warnings => _log ?? Console.Error;

    /// <summary>The log of a rank.</summary>
    public static string PathOf(string runFolder, int rank) =>
        Path.Combine(runFolder, "ranks", $"rank-{rank.ToString(CultureInfo.InvariantCulture)}.log");

    public void Dispose() => _log?.Dispose();
}
