using System;
using System.CommandLine;
using GptEngine.Gpt.Commands;
using GptEngine.Gpt.Terminal;
using GptEngine.Runtime;

namespace GptEngine.Gpt.CommandLine;

/// <summary>The command tree, and the one place where an exception becomes an exit code.</summary>
internal static class GptCommandLine
{
    private const int LongestMessage = 1200;

    public static readonly Option<bool> Verbose = new("--verbose")
    {
        Description = "Print the stack trace of an error",
        Recursive = true,
    };

    /// <summary>Parses and runs one call of the program.</summary>
    public static ExitCode Run(string[] arguments)
    {
        RootCommand root = CreateRoot();
        ParseResult call = root.Parse(arguments);
        if (UsageErrors.Describe(call) is { } wrong)
        {
            Console.Error.WriteLine(Legible(wrong));
            return ExitCode.Usage;
        }

        try
        {
            return (ExitCode)call.Invoke(new InvocationConfiguration { EnableDefaultExceptionHandler = false, ProcessTerminationTimeout = null });
        }
        catch (Exception e)
        {
            return Report(e, call.GetValue(Verbose));
        }
    }

    public static RootCommand CreateRoot() => new("Trains GPT language models on GPUs and on CPUs.")
    {
        PrepareCommandLine.Create(),
        TokenizeCommandLine.CreateTokenize(),
        TokenizeCommandLine.CreateDetokenize(),
        TrainCommandLine.Create(),
        EvalCommandLine.Create(),
        GenerateCommandLine.Create(),
        BenchCommandLine.Create(),
        ProfileCommandLine.Create(),
        SelfTestCommandLine.Create(),
        DoctorCommandLine.Create(),
        KernelsCommandLine.Create(),
        Verbose,
    };

    private static ExitCode Report(Exception e, bool verbose)
    {
        (string message, ExitCode code) = ErrorText.Of(e);
        Console.Error.WriteLine($"gpt: {Legible(message)}");
        if (verbose)
        {
            Console.Error.WriteLine(e);
        }

        return code;
    }

    // Messages quote what files and calls say: a megabyte of it, or what would change the terminal's state, helps nobody.
    private static string Legible(string message) => Printable.Of(
        message.Length <= LongestMessage ? message : $"{message.AsSpan(0, LongestMessage / 2)} … {message.AsSpan(message.Length - (LongestMessage / 2))}");
}
