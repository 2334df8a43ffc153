using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Globalization;
using System.IO;
using System.Runtime.InteropServices;
using System.Threading;
using System.Threading.Tasks;

namespace GptEngine.Tests.Communication;

/// <summary>A rank in a process of its own: this very program, called as <see cref="RankProgram"/>.</summary>
internal sealed partial class RankProcess : IDisposable
{
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(2);

    private readonly Process _process;
    private readonly Task<string> _error;
    private readonly Task _reading;
    private readonly List<string> _lines = [];

    /// <param name="role">What it does.</param>
    /// <param name="rank">Which it is.</param>
    /// <param name="worldSize">How many there are.</param>
    /// <param name="port">Where rank 0 listens.</param>
    /// <param name="address">Rank 0's.</param>
    /// <param name="silenceMs">After how much silence a rank counts as gone.</param>
    /// <param name="networkNamespace">The network namespace that it runs in; null for the test's own.</param>
    /// <param name="variables">More of its environment.</param>
    internal RankProcess(
        string role, int rank, int worldSize, int port, string address = "127.0.0.1", int silenceMs = 20_000, string? networkNamespace = null,
        params (string Name, string Value)[] variables)
    {
        string program = Path.Combine(AppContext.BaseDirectory, "GptEngine.Tests");
        var start = new ProcessStartInfo(networkNamespace is null ? program : "ip") { RedirectStandardOutput = true, RedirectStandardError = true, UseShellExecute = false };
        if (networkNamespace is not null)
        {
            Array.ForEach(["netns", "exec", networkNamespace, program], start.ArgumentList.Add);
        }

        foreach (object argument in (object[])["rank", role, rank, worldSize, address, port, silenceMs])
        {
            start.ArgumentList.Add(Convert.ToString(argument, CultureInfo.InvariantCulture)!);
        }

        start.Environment[RankProgram.SecretVariable] = TcpRanks.Secret;
        Array.ForEach(variables, variable => start.Environment[variable.Name] = variable.Value);
        _process = Process.Start(start)!;
        _error = _process.StandardError.ReadToEndAsync();
        _reading = Task.Run(ReadAsync);
    }

    /// <summary>Waits until it has said this on a line of its own.</summary>
    internal void WaitFor(string line)
    {
        lock (_lines)
        {
            while (!_lines.Contains(line))
            {
                if (!Monitor.Wait(_lines, Limit) || _lines.Contains(""))
                {
                    throw new TimeoutException($"the rank has not said '{line}': {string.Join(" | ", _lines)} {(_error.IsCompleted ? _error.Result : "")}");
                }
            }
        }
    }

    /// <summary>Waits for its end.</summary>
    internal (int ExitCode, string Output, string Error) Wait()
    {
        if (!_process.WaitForExit(Limit))
        {
            throw new TimeoutException($"a rank did not end within {Limit}");
        }

        _reading.GetAwaiter().GetResult();
        return (_process.ExitCode, string.Join('\n', _lines), _error.GetAwaiter().GetResult());
    }

    /// <summary>kill -9.</summary>
    internal void Kill() => _process.Kill();

    /// <summary>Stops it as a debugger would: its connections stay.</summary>
    internal void Stop() => Signal(19);

    public void Dispose()
    {
        if (!_process.HasExited)
        {
            _process.Kill(entireProcessTree: true);
        }

        _process.WaitForExit();
        _process.Dispose();
    }

    private async Task ReadAsync()
    {
        while (await _process.StandardOutput.ReadLineAsync().ConfigureAwait(false) is { } line)
        {
            Add(line);
        }

        // An empty line stands for the end.
        Add("");
    }

    private void Add(string line)
    {
        lock (_lines)
        {
            _lines.Add(line);
            Monitor.PulseAll(_lines);
        }
    }

    private void Signal(int number)
    {
        if (SendSignal(_process.Id, number) != 0)
        {
            throw new InvalidOperationException($"kill -{number} failed: {Marshal.GetLastPInvokeError()}");
        }
    }

    [LibraryImport("libc", EntryPoint = "kill", SetLastError = true)]
    private static partial int SendSignal(int processId, int signal);
}
