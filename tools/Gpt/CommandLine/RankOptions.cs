using System;
using System.CommandLine;
using System.Globalization;
using GptEngine.Runtime;
using GptEngine.Runtime.Communication;

namespace GptEngine.Gpt.CommandLine;

/// <summary>How ranks wait for each other, and what follows a failure: <c>--max-restarts</c>, <c>--rendezvous-timeout</c>, <c>--collective-timeout</c>.</summary>
internal sealed class RankOptions
{
    private const int MostRestarts = 1000;
    private const double MostSeconds = 7 * 24 * 3600;

    private readonly Option<int> _maxRestarts = new("--max-restarts")
    {
        Description = "After a failure start all ranks again from the last checkpoint, at most this often",
        HelpName = "N",
        DefaultValueFactory = _ => 0,
    };

    private readonly Option<double> _rendezvous = new("--rendezvous-timeout")
    {
        Description = "How long ranks wait for all to arrive",
        HelpName = "SECONDS",
        DefaultValueFactory = _ => RankLimits.Default.Arrival.TotalSeconds,
    };

    private readonly Option<double> _collective = new("--collective-timeout")
    {
        Description = "How long a rank may keep the others waiting within a step before it counts as hung",
        HelpName = "SECONDS",
        DefaultValueFactory = _ => RankLimits.Default.Collective.TotalSeconds,
    };

    public void AddTo(Command command)
    {
        command.Options.Add(_maxRestarts);
        command.Options.Add(_rendezvous);
        command.Options.Add(_collective);
    }

    /// <exception cref="UserErrorException">Usage: out of range.</exception>
    public int MaxRestarts(ParseResult call) => call.GetValue(_maxRestarts) is var restarts && restarts is >= 0 and <= MostRestarts
        ? restarts
        : throw new UserErrorException($"--max-restarts {restarts}: it takes 0 to {MostRestarts}.", ExitCode.Usage);

    /// <summary>The time limits. A rank that says nothing at all is noticed within half a minute, or sooner where less is asked for.</summary>
    /// <exception cref="UserErrorException">Usage: out of range.</exception>
    public RankLimits Limits(ParseResult call)
    {
        TimeSpan collective = Seconds(call, _collective);
        return RankLimits.Default with
        {
            Arrival = Seconds(call, _rendezvous),
            Collective = collective,
            Meeting = collective,
            Silence = collective < RankLimits.Default.Silence ? collective : RankLimits.Default.Silence,
        };
    }

    private static TimeSpan Seconds(ParseResult call, Option<double> option) => call.GetValue(option) is var seconds && seconds is >= 0.1 and <= MostSeconds
        ? TimeSpan.FromSeconds(seconds)
        : throw new UserErrorException(
            string.Create(CultureInfo.InvariantCulture, $"{option.Name} {seconds}: it takes 0.1 to {MostSeconds} seconds."), ExitCode.Usage);
}
