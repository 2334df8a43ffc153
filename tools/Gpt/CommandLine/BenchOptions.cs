using System.CommandLine;
using System.Globalization;
using GptEngine.Gpt.Terminal;
using GptEngine.Runtime;

namespace GptEngine.Gpt.CommandLine;

/// <summary>The options of <c>gpt bench</c> that say how long, against what, and where the results go.</summary>
internal sealed class BenchOptions
{
    private readonly Option<int> _steps = new("--steps") { Description = "Measured steps of a row, at most", HelpName = "N", DefaultValueFactory = _ => 20 };
    private readonly Option<double> _seconds = new("--max-seconds") { Description = "No step of a row is begun after this, once three are measured", HelpName = "S", DefaultValueFactory = _ => 60 };
    private readonly Option<string?> _peaks = new("--peaks") { Description = "A table of GPUs' data-sheet rates, over the program's own", HelpName = "FILE" };
    private readonly Option<string?> _json = new("--json") { Description = "Write a JSON object a row to this file, or to standard output (-)", HelpName = "FILE|-" };

    public void AddTo(Command command)
    {
        foreach (Option option in (Option[])[_steps, _seconds, _peaks, _json])
        {
            command.Options.Add(option);
        }
    }

    public string? Peaks(ParseResult call) => call.GetValue(_peaks);

    /// <summary>null is for people alone; <c>-</c> standard output.</summary>
    public string? Json(ParseResult call) => call.GetValue(_json);

    public int Steps(ParseResult call) => WorkloadOptions.InRange(_steps.Name, call.GetValue(_steps), 1, 1 << 20);

    public double MaxSeconds(ParseResult call) => call.GetValue(_seconds) is var seconds && seconds > 0
        ? seconds
        : throw new UserErrorException(string.Create(CultureInfo.InvariantCulture, $"{_seconds.Name} {seconds}: give a number above 0."), ExitCode.Usage);

    /// <param name="call">The call.</param>
    /// <param name="isHardware">Whether times say something.</param>
    /// <param name="isFirst">Whether this is rank 0, the one that tells.</param>
    public BenchOutput OpenOutput(ParseResult call, bool isHardware, bool isFirst) => new(call.GetValue(_json), isHardware, isFirst);
}
