using System;
using System.Globalization;
using System.IO;
using System.Threading;
using GptEngine.Runtime;

namespace GptEngine.Engine.Ranks;

/// <summary>Whether all ranks mean the same folder: each writes its share of a checkpoint there.</summary>
internal static class SharedFolder
{
    /// <summary>Begins the names of the files that ranks look for; a killed run may leave one.</summary>
    public const string Prefix = ".ranks-";

    // A network file system may show a new file a little late.
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(4);
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(50);

    /// <summary>Throws unless every rank sees what rank 0 puts there.</summary>
    /// <exception cref="UserErrorException">Usage; on every rank, names the first that sees another folder.</exception>
    public static void Require(string folder, RankAgreement ranks)
    {
        ArgumentNullException.ThrowIfNull(ranks);
        if (ranks.WorldSize == 1)
        {
            return;
        }

        long number = ranks.FromFirst("the run folder", () => Put(folder));
        string path = PathOf(folder, number);
        try
        {
            ranks.OnAll("the run folder", () => Look(path));
        }
        finally
        {
            if (ranks.IsFirst)
            {
                File.Delete(path);
            }
        }
    }

    private static long Put(string folder)
    {
        long number = Random.Shared.NextInt64();
        try
        {
            File.WriteAllText(PathOf(folder, number), "");
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new UserErrorException($"{folder}: cannot be written ({exception.Message.TrimEnd('.')}). Choose another run folder.", ExitCode.Failed, exception);
        }

        return number;
    }

    private static void Look(string path)
    {
        long deadline = Environment.TickCount64 + (long)Patience.TotalMilliseconds;
        while (!File.Exists(path))
        {
            if (Environment.TickCount64 > deadline)
            {
                throw new UserErrorException(
                    $"{Path.GetDirectoryName(path)} on {Environment.MachineName} is not the folder that rank 0 writes to. All ranks must see the same " +
                    "run folder: name one on storage that their hosts share with --run.",
                    ExitCode.Usage);
            }

            Thread.Sleep(Pause);
        }
    }

    private static string PathOf(string folder, long number) =>
        Path.Combine(folder, Prefix + number.ToString("x16", CultureInfo.InvariantCulture));
}
