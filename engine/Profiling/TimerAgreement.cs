using System;
using System.Linq;
using GptEngine.Kernels.Profiling;

namespace GptEngine.Engine.Profiling;

/// <summary>Two profiles of the same step by different timers, launch by launch.</summary>
/// <param name="Launches">That both have, waits for ranks not counted.</param>
/// <param name="CuptiSeconds">Of all, by the GPU's own records.</param>
/// <param name="EventSeconds">Of all, by events.</param>
/// <param name="MedianExcess">Seconds by which events tell a launch longer, median.</param>
/// <param name="MedianRatio">Of the launches of 100 µs and more, events' time over the records': median; null where there are none.</param>
public sealed record TimerAgreement(int Launches, double CuptiSeconds, double EventSeconds, double MedianExcess, double? MedianRatio)
{
    private const double Long = 1e-4;

    /// <summary>Of two steps of the same work; null where they did not launch the same.</summary>
    public static TimerAgreement? Of(StepProfile traced, StepProfile events)
    {
        ArgumentNullException.ThrowIfNull(traced);
        ArgumentNullException.ThrowIfNull(events);
        ProfiledLaunch[] first = Launched(traced);
        ProfiledLaunch[] second = Launched(events);
        if (first.Length == 0 || !first.Select(launch => launch.Name).SequenceEqual(second.Select(launch => launch.Name)))
        {
            return null;
        }

        (double Traced, double Events)[] pairs = [.. first.Zip(second, (one, other) => (one.Seconds, other.Seconds))];
        double[] ratios = [.. pairs.Where(pair => pair.Traced >= Long).Select(pair => pair.Events / pair.Traced)];
        return new TimerAgreement(
            pairs.Length, pairs.Sum(pair => pair.Traced), pairs.Sum(pair => pair.Events), Median([.. pairs.Select(pair => pair.Events - pair.Traced)]),
            ratios.Length == 0 ? null : Median(ratios));
    }

    private static ProfiledLaunch[] Launched(StepProfile profile) =>
        [.. profile.Operations.SelectMany(operation => operation.Launches).Where(launch => !ProfiledCommunicator.IsWait(launch))];

    private static double Median(double[] values)
    {
        Array.Sort(values);
        return (values[(values.Length - 1) / 2] + values[values.Length / 2]) / 2;
    }
}
