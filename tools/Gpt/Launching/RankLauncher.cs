using System;
using System.Collections.Concurrent;
using System.Collections.Generic;
using System.Diagnostics;
using System.Globalization;
using System.IO;
using System.Linq;
using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using GptEngine.Runtime;
using GptEngine.Runtime.Launching;

namespace GptEngine.Gpt.Launching;

/// <summary>
/// The built-in launcher: every rank a process of this program on this host. The first that fails ends all, with the reason on the screen
/// before anything else; a Ctrl-C goes to each rank once. Ranks end with the launcher, however that ends.
/// </summary>
internal sealed class RankLauncher(RankLaunch launch, TextWriter output, TextWriter errors)
{
    private readonly string _secret = SharedSecret.Create();
    private readonly OutOfMemoryKills _kills = new();
    private RankProcess[] _ranks = [];
    private bool _isStopping;
    private string _failure = "";
    private string _failureBefore = "";

    /// <summary>Runs all ranks to their end, again after a failure as often as allowed.</summary>
    public ExitCode Run()
    {
        Directory.CreateDirectory(Path.GetDirectoryName(RankOutput.PathOf(launch.RunFolder, 0))!);
        using PosixSignalRegistration interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, context => Forward(context, ChildProcess.Interrupt));
        using PosixSignalRegistration terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, context => Forward(context, ChildProcess.Terminate));
        for (int restart = 0; ; restart++)
        {
            (ExitCode code, bool mayPass) = RunOnce(restart);
            if (code is ExitCode.Success or ExitCode.Interrupted || !mayPass || restart == launch.MaxRestarts || _isStopping)
            {
                return code;
            }

            if (IsSameAgain())
            {
                errors.WriteLine("gpt: the same failure twice, with no checkpoint in between: not starting again.");
                return code;
            }

            errors.WriteLine(string.Create(
                CultureInfo.InvariantCulture, $"gpt: starting all ranks again from the last checkpoint (restart {restart + 1} of {launch.MaxRestarts})."));
        }
    }

    private (ExitCode Code, bool MayPass) RunOnce(int restart)
    {
        using var ends = new BlockingCollection<RankEnd>();
        using var screen = new RankScreen(output, errors, 4 * launch.Settling);
        var ended = new List<RankEnd>();
        try
        {
            Start(restart, screen, ends);
            while (ended.Count < launch.WorldSize)
            {
                ended.Add(ends.Take());
                if (ended[^1].IsFailure)
                {
                    return EndAll(ended, screen, ends);
                }
            }
        }
        finally
        {
            // On the way out by an exception, too, no rank outlives the attempt.
            Signal(ChildProcess.Kill);
            while (ended.Count < _ranks.Length)
            {
                ended.Add(ends.Take());
            }

            Dispose(_ranks);
        }

        screen.Release();
        return (ended.Exists(end => end.Status == (int)ExitCode.Interrupted) ? ExitCode.Interrupted : ExitCode.Success, false);
    }

    private void Start(int restart, RankScreen screen, BlockingCollection<RankEnd> ends)
    {
        int port = FreePort();
        var started = new List<RankProcess>();
        for (int rank = 0; rank < launch.WorldSize; rank++)
        {
            string log = RankOutput.PathOf(launch.RunFolder, rank);
            started.Add(new RankProcess(rank, StartInfo(rank, port, restart), launch.Processors[rank], log, rank == 0 ? screen : null, ends));
            _ranks = [.. started];
        }

        // A signal that came while they were being started reached only some.
        if (_isStopping)
        {
            Signal(ChildProcess.Terminate);
        }
    }

    private ProcessStartInfo StartInfo(int rank, int port, int restart)
    {
        var start = new ProcessStartInfo(launch.Program[0]) { RedirectStandardOutput = true, RedirectStandardError = true, UseShellExecute = false };
        foreach (string argument in launch.Program.Skip(1).Concat(launch.Arguments))
        {
            start.ArgumentList.Add(argument);
        }

        foreach ((string name, string value) in launch.Variables)
        {
            start.Environment[name] = value;
        }

        // A world that this process itself was started into is not that of its ranks.
        foreach (string name in start.Environment.Keys.Where(RankVariables.IsOne).ToArray())
        {
            start.Environment.Remove(name);
        }

        start.Environment.Remove(SharedSecret.FileVariable);
        foreach ((string name, string value) in RankVariables.Of(rank, launch.WorldSize, "127.0.0.1", port))
        {
            start.Environment[name] = value;
        }

        start.Environment[SharedSecret.Variable] = _secret;
        start.Environment[LaunchedRank.LauncherVariable] = Environment.ProcessId.ToString(CultureInfo.InvariantCulture);
        start.Environment[LaunchedRank.RestartVariable] = (restart + (launch.IsRestarted ? 1 : 0)).ToString(CultureInfo.InvariantCulture);
        return start;
    }

    /// <summary>Says what happened, and ends the rest: first asked to, then by force.</summary>
    private (ExitCode Code, bool MayPass) EndAll(List<RankEnd> ended, RankScreen screen, BlockingCollection<RankEnd> ends)
    {
        Collect(ended, ends, launch.Settling);
        screen.Close();
        RankEnd cause = RankEnd.Cause(ended);
        Explain(cause);
        _failure = Fingerprint(cause);
        Signal(ChildProcess.Terminate);
        foreach (RankProcess stopped in _ranks.Where(rank => rank.IsStopped))
        {
            // It takes no request any more, and is most likely what the others waited for.
            errors.WriteLine($"gpt: rank {stopped.Rank} is stopped (SIGSTOP, or a debugger); killed.");
            stopped.Send(ChildProcess.Kill);
        }

        Collect(ended, ends, launch.Grace);
        int[] left = [.. _ranks.Where(rank => !rank.HasExited).Select(rank => rank.Rank)];
        if (left.Length > 0)
        {
            errors.WriteLine(
                $"gpt: rank {string.Join(", ", left)} did not end within {launch.Grace.TotalSeconds.ToString(CultureInfo.InvariantCulture)} s of that; killed.");
        }

        return (cause.Code, cause.MayPass);
    }

    private void Collect(List<RankEnd> ended, BlockingCollection<RankEnd> ends, TimeSpan limit)
    {
        long start = Stopwatch.GetTimestamp();
        while (ended.Count < launch.WorldSize)
        {
            TimeSpan left = limit - Stopwatch.GetElapsedTime(start);
            if (left <= TimeSpan.Zero || !ends.TryTake(out RankEnd end, left))
            {
                return;
            }

            ended.Add(end);
        }
    }

    private void Explain(RankEnd cause)
    {
        RankProcess rank = _ranks[cause.Rank];
        string memory = cause.Signal == ChildProcess.Kill ? _kills.Explain() : "";
        errors.WriteLine($"gpt: rank {cause.Rank} of {launch.WorldSize} {cause.Description}{memory}; all ranks end with it. Its output is in {rank.LogPath}.");
        foreach (string line in rank.LastErrors)
        {
            errors.WriteLine($"  rank {cause.Rank}: {line}");
        }
    }

    /// <summary>
    /// Whether a rank has given up with the same words as the time before, from the same checkpoint: a loss that diverges, a broken file.
    /// What a signal ended may end otherwise.
    /// </summary>
    private bool IsSameAgain()
    {
        string before = _failureBefore;
        _failureBefore = _failure;
        return _failure.Length > 0 && _failure == before;
    }

    // The newest checkpoint's name and the rank's last words; nothing where it had none.
    private string Fingerprint(RankEnd cause)
    {
        IReadOnlyList<string> words = _ranks[cause.Rank].LastErrors;
        string checkpoints = Path.Combine(launch.RunFolder, "checkpoints");
        string? newest = Directory.Exists(checkpoints) ? Directory.GetDirectories(checkpoints, "step-*").Max(StringComparer.Ordinal) : null;
        return cause.Signal != 0 || words.Count == 0 ? "" : $"{newest}\n{words[^1]}";
    }

    private void Forward(PosixSignalContext context, int signal)
    {
        // The second one is not held back: it ends the launcher, and with it the ranks.
        if (!_isStopping)
        {
            _isStopping = true;
            context.Cancel = true;
            Signal(signal);
        }
    }

    private void Signal(int signal)
    {
        foreach (RankProcess rank in _ranks)
        {
            rank.Send(signal);
        }
    }

    private void Dispose(RankProcess[] ranks)
    {
        _ranks = [];
        foreach (RankProcess rank in ranks)
        {
            rank.Dispose();
        }
    }

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
