using System.CommandLine;
using System.Globalization;
using GptEngine.Runtime;

namespace GptEngine.Gpt.CommandLine;

/// <summary>The options of <c>gpt bench --kernels</c>.</summary>
internal sealed class KernelBenchOptions
{
    private readonly Option<string[]> _kernels = new("--kernels")
    {
        Description = "Measure single operations over a grid of shapes and types in place of training; names, or parts of names, choose some",
        HelpName = "NAME",
        Arity = ArgumentArity.ZeroOrMore,
        AllowMultipleArgumentsPerToken = true,
    };

    private readonly Option<double> _seconds = new("--kernel-seconds")
    {
        Description = "How long to measure each of them",
        HelpName = "S",
        DefaultValueFactory = _ => 0.5,
    };

    public void AddTo(Command command)
    {
        command.Options.Add(_kernels);
        command.Options.Add(_seconds);
    }

    /// <summary>Whether <c>--kernels</c> was given, with names or without.</summary>
    public bool AreAskedFor(ParseResult call) => call.GetResult(_kernels) is { Implicit: false };

    /// <summary>What the names of operations must have in them; empty for all.</summary>
    public string[] Names(ParseResult call) => call.GetValue(_kernels) ?? [];

    public double Seconds(ParseResult call) => call.GetValue(_seconds) is var seconds && seconds is >= 0 and <= 3600
        ? seconds
        : throw new UserErrorException(
            string.Create(CultureInfo.InvariantCulture, $"{_seconds.Name} {call.GetValue(_seconds)}: it takes 0 to 3600."), ExitCode.Usage);
}
