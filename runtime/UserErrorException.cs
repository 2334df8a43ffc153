using System;

namespace GptEngine.Runtime;

/// <summary>What a failure means to the caller of the program; the number is the process's exit code.</summary>
public enum ExitCode
{
    /// <summary>Done.</summary>
    Success = 0,

    /// <summary>The run failed: a broken file, a diverged loss, a full disk.</summary>
    Failed = 1,

    /// <summary>The call was wrong: an unknown option or key, a value out of range.</summary>
    Usage = 2,

    /// <summary>The machine lacks something; <c>gpt doctor</c> explains.</summary>
    MissingDependency = 3,

    /// <summary>Interrupted after a clean checkpoint.</summary>
    Interrupted = 130,
}

/// <summary>
/// An error whose message is meant for the person at the terminal: one or two plain sentences, what is wrong with the value,
/// and what to do. Libraries throw it; only the command line turns it into an exit code.
/// </summary>
public sealed class UserErrorException : Exception
{
    public UserErrorException(string message, ExitCode exitCode = ExitCode.Failed, Exception? innerException = null)
        : base(message, innerException) => ExitCode = exitCode;

    /// <summary>The exit code that the command line ends with.</summary>
    public ExitCode ExitCode { get; }
}
