namespace GptEngine.Engine.Scaling;

/// <summary>A step as predicted. Times in seconds.</summary>
/// <param name="Ranks">W.</param>
/// <param name="MicroSteps">Of the step, on each rank.</param>
/// <param name="StepSeconds">The whole step.</param>
/// <param name="AloneSeconds">The same micro-steps and an update on one GPU.</param>
/// <param name="WaitingSeconds">For the slowest rank.</param>
/// <param name="ExposedSeconds">Sums and gathering that no computation hides, and the computation that they slow down.</param>
/// <param name="UpdateSeconds">Gradient norm, optimizer, and where it is sharded what is gathered meanwhile.</param>
/// <param name="RingBandwidth">Of the collectives, bytes/s.</param>
public readonly record struct StepPrediction(
    int Ranks, double MicroSteps, double StepSeconds, double AloneSeconds, double WaitingSeconds, double ExposedSeconds, double UpdateSeconds,
    double RingBandwidth)
{
    /// <summary>Work done a GPU and second, as a share of what one GPU alone does with as many micro-steps.</summary>
    public double Efficiency => AloneSeconds / StepSeconds;
}
