using System;
using System.Collections.Generic;
using System.Linq;
using GptEngine.Kernels.Profiling;

namespace GptEngine.Engine.Profiling;

/// <summary>How full a step's time is: what ran, what waited for other ranks, and what lay between. Waits that are the profile's own are no gaps.</summary>
public sealed class StepTimeline
{
    private const double ShortestGap = 1e-6;

    public StepTimeline(StepProfile profile)
    {
        ArgumentNullException.ThrowIfNull(profile);
        var gaps = new List<TimelineGap>();
        foreach (IGrouping<int, ProfiledOperation> segment in profile.Operations.GroupBy(operation => operation.Segment))
        {
            ProfiledLaunch[] launches = [.. segment.SelectMany(operation => operation.Launches).OrderBy(launch => launch.Start)];
            if (launches.Length > 0)
            {
                Add(launches, gaps);
            }
        }

        Gaps = [.. gaps.OrderByDescending(gap => gap.Seconds)];
    }

    /// <summary>Seconds in which something ran.</summary>
    public double BusySeconds { get; private set; }

    /// <summary>Seconds in which the device's work waited for collectives, and nothing else ran on it.</summary>
    public double WaitSeconds { get; private set; }

    /// <summary>Seconds in which nothing ran, gaps too short to be listed included.</summary>
    public double IdleSeconds { get; private set; }

    /// <summary>Of these, those in which the host had not come yet to what was to run next; null where that is not known.</summary>
    public double? HostSeconds { get; private set; }

    /// <summary>Work, waits and gaps.</summary>
    public double Seconds => BusySeconds + WaitSeconds + IdleSeconds;

    /// <summary>Gaps of a microsecond and more, the longest first.</summary>
    public IReadOnlyList<TimelineGap> Gaps { get; }

    private void Add(ProfiledLaunch[] launches, List<TimelineGap> gaps)
    {
        double end = launches[0].Start;
        string before = "";
        foreach (ProfiledLaunch launch in launches)
        {
            double gap = Math.Max(0, launch.Start - end);
            double? host = launch.Enqueued is { } enqueued ? Math.Clamp(enqueued - end, 0, gap) : null;
            IdleSeconds += gap;
            HostSeconds = host is null ? HostSeconds : (HostSeconds ?? 0) + host;
            if (gap >= ShortestGap)
            {
                gaps.Add(new TimelineGap(gap, before, launch.Name, host));
            }

            // Launches that overlap count once.
            double until = launch.Start + launch.Seconds;
            double seconds = Math.Max(0, until - Math.Max(end, launch.Start));
            if (ProfiledCommunicator.IsWait(launch))
            {
                WaitSeconds += seconds;
            }
            else
            {
                BusySeconds += seconds;
            }

            (before, end) = until > end ? (launch.Name, until) : (before, end);
        }
    }
}
