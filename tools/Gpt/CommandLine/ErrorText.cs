using System;
using System.IO;
using GptEngine.Runtime;

namespace GptEngine.Gpt.CommandLine;

/// <summary>What an exception means to the person at the terminal.</summary>
internal static class ErrorText
{
    /// <summary>A sentence or two, and the exit code.</summary>
    public static (string Message, ExitCode Code) Of(Exception e) => e switch
    {
        UserErrorException user => (user.Message, user.ExitCode),
        OperationCanceledException => ("Interrupted.", ExitCode.Interrupted),
        OutOfMemoryException => ($"There is not enough memory ({e.Message.TrimEnd('.')}). Use a smaller batch or model.", ExitCode.Failed),
        IOException or UnauthorizedAccessException => ($"{e.Message.TrimEnd('.')}.", ExitCode.Failed),
        _ => ($"This should not have happened: {e.GetType().Name}: {e.Message} Run again with --verbose for the stack trace, and report it.", ExitCode.Failed),
    };
}
