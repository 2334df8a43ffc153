using System.Collections.Generic;
using System.Linq;
using System.Threading;
using GptEngine.Engine.Configuration;
using GptEngine.Engine.Data;
using GptEngine.Runtime;
using GptEngine.Runtime.Communication;

namespace GptEngine.Gpt.Launching;

/// <summary>How the ranks of a training run meet: with the same program, configuration and data, or not at all.</summary>
internal static class RankMeeting
{
    /// <summary>Meets the other ranks of a run; before anything costly is done.</summary>
    /// <param name="environment">Where this rank stands.</param>
    /// <param name="configuration">What it was told to train.</param>
    /// <param name="call">What else of the call must be the same.</param>
    /// <param name="limits">How long to wait.</param>
    /// <param name="cancel">Ends the waiting.</param>
    /// <exception cref="UserErrorException">A rank has not come, or differs.</exception>
    public static RankControl Meet(
        RankEnvironment environment, RunConfiguration configuration, IEnumerable<RunFact> call, RankLimits limits, CancellationToken cancel)
    {
        string path = configuration.Data.Path
            ?? throw new UserErrorException("No data to train on. Name the folder that gpt prepare wrote with --data.", ExitCode.Usage);
        IEnumerable<RunFact> data = Dataset.Open(path).Fingerprints().Select(stream => new RunFact($"the {stream.Name}", stream.Hash, stream.Path));
        return MeetOver(environment, configuration, [.. call, .. data], limits, cancel);
    }

    /// <summary>As the other, over data that are no files, or of the ranks' own making.</summary>
    /// <param name="environment">Where this rank stands.</param>
    /// <param name="configuration">What it was told to train.</param>
    /// <param name="more">What else must be the same.</param>
    /// <param name="limits">How long to wait.</param>
    /// <param name="cancel">Ends the waiting.</param>
    /// <exception cref="UserErrorException">A rank has not come, or differs.</exception>
    public static RankControl MeetOver(
        RankEnvironment environment, RunConfiguration configuration, IEnumerable<RunFact> more, RankLimits limits, CancellationToken cancel)
    {
        // Where the data lies may differ from host to host; what it holds may not.
        RunConfiguration shared = configuration with { Data = configuration.Data with { Path = null } };
        IEnumerable<RunFact> keys = ConfigurationLeaves.Of(shared).Select(leaf => new RunFact(leaf.Key, leaf.Value));
        var identity = new RunIdentity([new RunFact("the program's version", ProgramVersions.Program), .. more, .. keys]);
        return RankGroups.Meet(environment, identity, limits, cancel);
    }
}
