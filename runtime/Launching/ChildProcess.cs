using System;
using System.Runtime.InteropServices;

namespace GptEngine.Runtime.Launching;

/// <summary>What a process that was started as a part of another does first, and signals between the two.</summary>
public static partial class ChildProcess
{
    /// <summary>Signals by their numbers on Linux.</summary>
    public const int Interrupt = 2, Kill = 9, Terminate = 15;

    private const int ParentDeathSignal = 1;

    /// <summary>
    /// Ends this process with its parent, however that ends; and takes it out of the parent's group, so that a Ctrl-C at the terminal reaches
    /// it once, through the parent.
    /// </summary>
    /// <param name="parent">The parent's process id.</param>
    /// <returns>False where the parent is gone already.</returns>
    /// <exception cref="InvalidOperationException">The kernel refuses.</exception>
    public static bool BindTo(int parent)
    {
        if (Control(ParentDeathSignal, Kill, 0, 0, 0) != 0)
        {
            throw new InvalidOperationException($"prctl(PR_SET_PDEATHSIG) failed: {Marshal.GetLastPInvokeErrorMessage()}");
        }

        if (SetGroup(0, 0) != 0)
        {
            throw new InvalidOperationException($"setpgid failed: {Marshal.GetLastPInvokeErrorMessage()}");
        }

        // A parent that died before the first call sends no signal.
        return Parent() == parent;
    }

    /// <summary>Sends a signal; nothing happens where the process is gone.</summary>
    public static void Send(int process, int signal) => _ = SendSignal(process, signal);

    /// <summary>A signal's name by its number, for messages.</summary>
    public static string NameOf(int signal) => signal switch
    {
        1 => "SIGHUP",
        Interrupt => "SIGINT",
        3 => "SIGQUIT",
        4 => "SIGILL",
        6 => "SIGABRT",
        7 => "SIGBUS",
        8 => "SIGFPE",
        Kill => "SIGKILL",
        11 => "SIGSEGV",
        13 => "SIGPIPE",
        Terminate => "SIGTERM",
        24 => "SIGXCPU",
        _ => $"signal {signal}",
    };

    [LibraryImport("libc", EntryPoint = "prctl", SetLastError = true)]
    private static partial int Control(int option, nuint value, nuint unused3, nuint unused4, nuint unused5);

    [LibraryImport("libc", EntryPoint = "setpgid", SetLastError = true)]
    private static partial int SetGroup(int process, int group);

    [LibraryImport("libc", EntryPoint = "getppid")]
    private static partial int Parent();

    [LibraryImport("libc", EntryPoint = "kill", SetLastError = true)]
    private static partial int SendSignal(int process, int signal);
}
