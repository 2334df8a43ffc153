using System;
using System.Globalization;
using System.Net;
using GptEngine.Runtime;
using GptEngine.Runtime.Communication;
using GptEngine.Runtime.Launching;

namespace GptEngine.Gpt.Launching;

/// <summary>What this process was started as, by the built-in launcher or by another.</summary>
internal sealed record LaunchedRank
{
    /// <summary>The built-in launcher's process id, in its ranks' environment.</summary>
    public const string LauncherVariable = "GPTENGINE_LAUNCHER";

    /// <summary>How often the built-in launcher has started the ranks again.</summary>
    public const string RestartVariable = "GPTENGINE_RESTART";

    // Other launchers' counts: torchrun's, and Slurm's of a requeued job.
    private static readonly string[] RestartCounts = [RestartVariable, "TORCHELASTIC_RESTART_COUNT", "SLURM_RESTART_COUNT"];

    /// <summary>The place among the ranks; null for a process alone.</summary>
    public RankEnvironment? Environment { get; private init; }

    /// <summary>For messages: who started it.</summary>
    public string Launcher { get; private init; } = "";

    /// <summary>Whether the built-in launcher started it.</summary>
    public bool IsOwn { get; private init; }

    /// <summary>Whether it has been started again after a failure.</summary>
    public bool IsRestarted { get; private init; }

    public int Rank => Environment?.Rank ?? 0;

    public int WorldSize => Environment?.WorldSize ?? 1;

    /// <summary>The same process as the only rank of a run.</summary>
    public LaunchedRank AsOnlyRank() => this with { Environment = RankEnvironment.Alone(Dns.GetHostName()) };

    /// <summary>One line that says who this is: the first in a rank's log after every start.</summary>
    /// <param name="transport">What the collectives run over.</param>
    public string Describe(string transport)
    {
        string processors = OperatingSystem.IsLinux() ? CpuList.Format(ThreadAffinity.Current) : "any";
        string again = IsRestarted ? ", started again" : "";
        return $"rank {Rank} of {WorldSize} on {Environment?.HostName}, process {System.Environment.ProcessId}, processors {processors}{again}; {transport}";
    }

    /// <summary>Reads the environment, and where the built-in launcher started this process, binds its life to the launcher's.</summary>
    /// <exception cref="UserErrorException">The variables are not those of a rank, or the launcher is gone.</exception>
    public static LaunchedRank Read(Func<string, string?> get)
    {
        bool isRestarted = Array.Exists(RestartCounts, name => get(name) is { Length: > 0 } text && text != "0");
        bool isOwn = int.TryParse(get(LauncherVariable), NumberStyles.None, CultureInfo.InvariantCulture, out int launcher);
        if (isOwn && OperatingSystem.IsLinux() && !ChildProcess.BindTo(launcher))
        {
            throw new UserErrorException($"{LauncherVariable} names process {launcher}, which is not this one's parent: the launcher is gone. Unset the variable.");
        }

        RankPlace? place = RankVariables.Read(get);
        return new LaunchedRank
        {
            Environment = place?.WithSecret(SharedSecret.Read(get), Dns.GetHostName()),
            Launcher = place?.Launcher ?? "",
            IsOwn = isOwn,
            IsRestarted = isRestarted,
        };
    }
}
