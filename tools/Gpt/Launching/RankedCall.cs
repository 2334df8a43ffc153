using System;
using System.CommandLine;
using System.IO;
using System.Threading;
using GptEngine.Engine.Benchmarking;
using GptEngine.Gpt.CommandLine;
using GptEngine.Runtime;
using GptEngine.Runtime.Communication;

namespace GptEngine.Gpt.Launching;

/// <summary>A call that measures, alone or over ranks: it starts them, or is one of them.</summary>
/// <param name="call">The call.</param>
/// <param name="device">Its device and GPUs.</param>
internal sealed class RankedCall(ParseResult call, DeviceOptions device)
{
    /// <summary>What this process was started as.</summary>
    public LaunchedRank Rank { get; } = LaunchedRank.Read(Environment.GetEnvironmentVariable);

    /// <summary>Ranks in all, started or to be started.</summary>
    public int WorldSize => IsLaunched ? Rank.WorldSize : device.RankCount(call);

    /// <summary>Whether ranks are to be started for the call.</summary>
    public bool IsLauncher => !IsLaunched && WorldSize > 1;

    private bool IsLaunched => Rank.Environment is not null || Rank.IsOwn;

    /// <summary>Starts this call again as each of the ranks, and waits for them. Their output is kept where they fail.</summary>
    public ExitCode Launch()
    {
        string logs = Directory.CreateTempSubdirectory("gpt-ranks-").FullName;
        ExitCode end = new RankLauncher(RankLaunchPlan.Of(call, device, logs), Console.Out, Console.Error).Run();
        if (end == ExitCode.Success)
        {
            Directory.Delete(logs, recursive: true);
        }

        return end;
    }

    /// <summary>Meets the other ranks, if there are any, and works with them: a failure here is told to all.</summary>
    /// <param name="benchmark">What is trained; the same on every rank.</param>
    /// <param name="work">Takes what joins the ranks; null for a process alone.</param>
    /// <param name="stop">Ends the waiting.</param>
    public void Run(BenchCase benchmark, Action<RankControl?> work, CancellationToken stop)
    {
        using RankControl? control = Rank.Environment is { } place
            ? RankMeeting.MeetOver(place, benchmark.Configuration, Facts(benchmark), RankLimits.Default, stop)
            : null;
        try
        {
            work(control);
        }
        catch (Exception e)
        {
            control?.Fail(ErrorText.Of(e).Message);
            throw;
        }
    }

    private RunFact[] Facts(BenchCase benchmark) =>
        [new("the call", string.Join(' ', call.Tokens)), new("the training data", benchmark.Documents)];

    /// <summary>This rank's way to the others from a device; null for a process alone. The caller disposes of the collectives.</summary>
    public RankGroup? Join(RankControl? control, OpenDevice open) =>
        control is null ? null : new RankGroup(RankGroups.Connect(control, Rank.Environment!, open.Operations.Device, RankLimits.Default), control);
}
