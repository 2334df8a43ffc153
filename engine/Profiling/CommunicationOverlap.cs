using System;
using System.Collections.Generic;
using System.Linq;
using GptEngine.Kernels.Profiling;

namespace GptEngine.Engine.Profiling;

/// <summary>How a step's collectives lie beside the device's work.</summary>
/// <param name="Seconds">In which a collective ran.</param>
/// <param name="HiddenSeconds">Of these, those in which work ran as well.</param>
/// <param name="WaitedSeconds">Of these, those in which the device's work stood and waited for collectives.</param>
public readonly record struct CommunicationOverlap(double Seconds, double HiddenSeconds, double WaitedSeconds)
{
    /// <summary>In which a collective ran and no work did: waited for, or in a gap that is there for another reason.</summary>
    public double ExposedSeconds => Seconds - HiddenSeconds;

    /// <summary>Hidden of all, 0 to 1.</summary>
    public double HiddenShare => Seconds > 0 ? HiddenSeconds / Seconds : 0;

    /// <summary>Of a profile whose collectives and work are timed by one clock.</summary>
    public static CommunicationOverlap Of(StepProfile profile)
    {
        ArgumentNullException.ThrowIfNull(profile);
        var collectives = new TimeSpans(profile.Collectives.Select(collective => (collective.Start, collective.End)));
        ILookup<bool, ProfiledLaunch> launches = profile.Operations.SelectMany(operation => operation.Launches).ToLookup(ProfiledCommunicator.IsWait);
        TimeSpans work = Of(launches[false]);
        TimeSpans waits = Of(launches[true]);
        return new CommunicationOverlap(collectives.Seconds, collectives.SecondsBeside(work), collectives.SecondsBeside(waits));
    }

    private static TimeSpans Of(IEnumerable<ProfiledLaunch> launches) => new(launches.Select(launch => (launch.Start, launch.Start + launch.Seconds)));
}
