using System.Collections.Generic;
using GptEngine.Engine.Training;

namespace GptEngine.Tests.Training;

/// <summary>What is asked of a silent GPU from one step's report to the next.</summary>
/// <param name="driver">The GPU.</param>
internal sealed class DriverMeter(SilentDriver driver) : ITrainingObserver
{
    private long _disruptions;
    private long _uploads;
    private long _downloads;

    public List<(long Disruptions, long Uploads, long Downloads, long LeastWorkBehindAWait)> Steps { get; } = [];

    public void OnStep(in StepReport report)
    {
        Steps.Add((driver.Disruptions - _disruptions, driver.Uploads - _uploads, driver.Downloads - _downloads, driver.LeastWorkBehindAWait));
        (_disruptions, _uploads, _downloads) = (driver.Disruptions, driver.Uploads, driver.Downloads);
        driver.LeastWorkBehindAWait = long.MaxValue;
    }
}
