using System;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
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
    /// <param name="call">What else of the call must be the same, as text.</param>
    /// <param name="limits">How long to wait.</param>
    /// <param name="cancel">Ends the waiting.</param>
    /// <exception cref="UserErrorException">A rank has not come, or differs.</exception>
    public static RankControl Meet(RankEnvironment environment, RunConfiguration configuration, string call, RankLimits limits, CancellationToken cancel)
    {
        string path = configuration.Data.Path
            ?? throw new UserErrorException("No data to train on. Name the folder that gpt prepare wrote with --data.", ExitCode.Usage);
        return Meet(environment, configuration, call, Dataset.Open(path).TrainFingerprint(), limits, cancel);
    }

    /// <summary>As the other, over data that are known by <paramref name="dataset"/>.</summary>
    /// <param name="environment">Where this rank stands.</param>
    /// <param name="configuration">What it was told to train.</param>
    /// <param name="call">What else of the call must be the same, as text.</param>
    /// <param name="dataset">The same for the same tokens.</param>
    /// <param name="limits">How long to wait.</param>
    /// <param name="cancel">Ends the waiting.</param>
    /// <exception cref="UserErrorException">A rank has not come, or differs.</exception>
    public static RankControl Meet(
        RankEnvironment environment, RunConfiguration configuration, string call, string dataset, RankLimits limits, CancellationToken cancel)
    {
        // Where the data lies may differ from host to host; what it holds may not.
        RunConfiguration shared = configuration with { Data = configuration.Data with { Path = null } };
        string text = JsonSerializer.Serialize(shared, ConfigurationJson.Default.RunConfiguration) + call;
        string hash = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text)));
        return RankGroups.Meet(environment, new RunIdentity(ProgramVersions.Program, hash, dataset), limits, cancel);
    }
}
