using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Globalization;
using System.IO;
using System.Linq;
using System.Runtime.InteropServices;
using System.Threading.Tasks;

namespace GptEngine.Tests.EndToEnd;

/// <summary>The real program in a process of its own: <c>GPTENGINE_GPT</c> where that is set, else the one built beside the tests.</summary>
internal sealed partial class GptProcess : IDisposable
{
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(3);

    private readonly Process _process;
    private readonly Task<string> _output;
    private readonly Task<string> _error;

    public GptProcess(string standardInput, params string[] arguments)
        : this(standardInput, [], [Path], arguments)
    {
    }

    /// <param name="standardInput">What it reads.</param>
    /// <param name="variables">Its environment, beside that of the tests.</param>
    /// <param name="program">The program and what stands before its arguments: <c>ip netns exec NAME gpt</c>.</param>
    /// <param name="arguments">Of gpt.</param>
    public GptProcess(string standardInput, IReadOnlyList<(string Name, string Value)> variables, IReadOnlyList<string> program, IReadOnlyList<string> arguments)
    {
        if (IgnoresInterrupt)
        {
            program = ["env", "--default-signal=INT", .. program];
        }

        var start = new ProcessStartInfo(program[0])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            UseShellExecute = false,
        };
        foreach (string argument in program.Skip(1).Concat(arguments))
        {
            start.ArgumentList.Add(argument);
        }

        foreach ((string name, string value) in variables)
        {
            start.Environment[name] = value;
        }

        _process = Process.Start(start)!;
        _output = _process.StandardOutput.ReadToEndAsync();
        _error = _process.StandardError.ReadToEndAsync();
        try
        {
            _process.StandardInput.Write(standardInput);
            _process.StandardInput.Close();
        }
        catch (IOException)
        {
            // A call that is refused ends without reading its input; its exit code is what the test asks about.
        }
    }

    /// <summary>Whether this process was started deaf to SIGINT, as a shell starts what it runs in the background; children would inherit that.</summary>
    private static bool IgnoresInterrupt { get; } = File.Exists("/proc/self/status")
        && File.ReadLines("/proc/self/status").FirstOrDefault(line => line.StartsWith("SigIgn:", StringComparison.Ordinal)) is { } ignored
        && (ulong.Parse(ignored["SigIgn:".Length..].Trim(), NumberStyles.HexNumber, CultureInfo.InvariantCulture) & 2) != 0;

    public static string Path =>
        Environment.GetEnvironmentVariable("GPTENGINE_GPT") is { Length: > 0 } path ? path : System.IO.Path.Combine(AppContext.BaseDirectory, "gpt");

    public bool HasExited => _process.HasExited;

    /// <summary>The processes that it has started and that are still there, in the order of their starting.</summary>
    public IReadOnlyList<int> Children
    {
        get
        {
            try
            {
                return
                [
                    .. Directory.GetDirectories($"/proc/{_process.Id}/task")
                        .SelectMany(task => File.ReadAllText(System.IO.Path.Combine(task, "children")).Split(' ', StringSplitOptions.RemoveEmptyEntries))
                        .Select(id => int.Parse(id, CultureInfo.InvariantCulture)).Order(),
                ];
            }
            catch (IOException)
            {
                // It has ended, or a thread of it has while it was being looked at.
                return [];
            }
        }
    }

    /// <summary>Runs one call to its end.</summary>
    public static (int ExitCode, string Output, string Error) Run(params string[] arguments) => RunWithInput("", arguments);

    public static (int ExitCode, string Output, string Error) RunWithInput(string standardInput, params string[] arguments)
    {
        using var process = new GptProcess(standardInput, arguments);
        return process.Wait();
    }

    public (int ExitCode, string Output, string Error) Wait()
    {
        if (!_process.WaitForExit(Limit))
        {
            _process.Kill();
            throw new TimeoutException($"gpt did not end within {Limit}");
        }

        return (_process.ExitCode, _output.GetAwaiter().GetResult(), _error.GetAwaiter().GetResult());
    }

    /// <summary>kill -9.</summary>
    public void Kill() => _process.Kill();

    public void Interrupt() => Signal(2);

    public void Terminate() => Signal(15);

    public void Dispose()
    {
        if (!_process.HasExited)
        {
            _process.Kill();
        }

        _process.WaitForExit();
        _process.Dispose();
    }

    /// <summary>Sends a signal to any process.</summary>
    public static void Signal(int process, int number) => _ = SendSignal(process, number);

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
