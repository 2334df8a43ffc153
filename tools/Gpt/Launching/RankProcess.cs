using System;
using System.Collections.Concurrent;
using System.Collections.Generic;
using System.Diagnostics;
using System.Globalization;
using System.IO;
using System.Threading;
using GptEngine.Runtime.Launching;

namespace GptEngine.Gpt.Launching;

/// <summary>One rank as a process: its output goes to its log, line by line, and rank 0's to the screen as well.</summary>
internal sealed class RankProcess : IDisposable
{
    private const int KeptLines = 12;
    private static readonly TimeSpan LastOutput = TimeSpan.FromSeconds(1);

    private readonly Process _process;
    private readonly StreamWriter _log;
    private readonly Queue<string> _lastErrors = new();
    private readonly Thread[] _readers;
    private readonly RankScreen? _screen;
    private bool _isDisposed;

    /// <param name="rank">Which.</param>
    /// <param name="start">Program, arguments and variables.</param>
    /// <param name="processors">What it may run on.</param>
    /// <param name="logPath">Where its output is kept; appended to.</param>
    /// <param name="screen">Where it is shown; null for nowhere.</param>
    /// <param name="ends">Is told of its end, once all of its output has been read.</param>
    public RankProcess(
        int rank, ProcessStartInfo start, IReadOnlyList<int> processors, string logPath, RankScreen? screen, BlockingCollection<RankEnd> ends)
    {
        Rank = rank;
        LogPath = logPath;
        _screen = screen;
        _log = new StreamWriter(new FileStream(logPath, FileMode.Append, FileAccess.Write, FileShare.ReadWrite)) { AutoFlush = true };
        try
        {
            _process = StartOn(start, processors);
        }
        catch
        {
            _log.Dispose();
            throw;
        }

        _readers = [Read(_process.StandardOutput, isError: false), Read(_process.StandardError, isError: true)];
        var waiter = new Thread(() => Await(ends)) { IsBackground = true, Name = $"rank {rank}" };
        waiter.Start();
    }

    public int Rank { get; }

    public string LogPath { get; }

    public bool HasExited => _process.HasExited;

    /// <summary>Whether a signal or a debugger has stopped it.</summary>
    public bool IsStopped
    {
        get
        {
            try
            {
                // The state stands behind the program's name, which is in brackets and may have any character in it.
                string status = File.ReadAllText($"/proc/{_process.Id.ToString(CultureInfo.InvariantCulture)}/stat");
                return status[(status.LastIndexOf(')') + 1)..].TrimStart() is ['T' or 't', ..];
            }
            catch (IOException)
            {
                // It has ended, or this system has no such file.
                return false;
            }
        }
    }

    /// <summary>The last lines that it wrote to standard error.</summary>
    public IReadOnlyList<string> LastErrors
    {
        get
        {
            lock (_lastErrors)
            {
                return [.. _lastErrors];
            }
        }
    }

    public void Send(int signal)
    {
        if (!_process.HasExited)
        {
            ChildProcess.Send(_process.Id, signal);
        }
    }

    public void Dispose()
    {
        _process.Dispose();
        lock (_lastErrors)
        {
            _isDisposed = true;
            _log.Dispose();
        }
    }

    // A process runs where the thread that starts it may run, from its first instruction on: so its runtime counts the right processors.
    private static Process StartOn(ProcessStartInfo start, IReadOnlyList<int> processors)
    {
        if (!OperatingSystem.IsLinux())
        {
            return Process.Start(start)!;
        }

        IReadOnlyList<int> own = ThreadAffinity.Current;
        ThreadAffinity.Set(processors);
        try
        {
            return Process.Start(start)!;
        }
        finally
        {
            ThreadAffinity.Set(own);
        }
    }

    private Thread Read(StreamReader output, bool isError)
    {
        var thread = new Thread(() =>
        {
            // Disposing of the process does not close what is being read here; the pipe's end does.
            using (output)
            {
                while (output.ReadLine() is { } line)
                {
                    Keep(line, isError);
                    _screen?.Show(line, isError);
                }
            }
        })
        { IsBackground = true, Name = $"rank {Rank} {(isError ? "errors" : "output")}" };
        thread.Start();
        return thread;
    }

    private void Keep(string line, bool isError)
    {
        lock (_lastErrors)
        {
            if (_isDisposed)
            {
                return;
            }

            _log.WriteLine(line);
            if (!isError || line.Length == 0)
            {
                return;
            }

            _lastErrors.Enqueue(line);
            while (_lastErrors.Count > KeptLines)
            {
                _lastErrors.Dequeue();
            }
        }
    }

    private void Await(BlockingCollection<RankEnd> ends)
    {
        _process.WaitForExit();
        foreach (Thread reader in _readers)
        {
            // What the rank itself has started may hold its pipes open for longer than anyone wants to wait.
            reader.Join(LastOutput);
        }

        ends.Add(new RankEnd(Rank, _process.ExitCode));
    }
}
