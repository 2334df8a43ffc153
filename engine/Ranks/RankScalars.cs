using GptEngine.Kernels.Common;

namespace GptEngine.Engine.Ranks;

/// <summary>
/// What ranks tell each other with every step: places behind the step scalars, so that one all-reduce sums the loss and all of these. What
/// lies between, the results that follow from the gradient norm, is summed too, and overwritten afterwards. The host uploads its own
/// rank's part before each step.
/// </summary>
internal static class RankScalars
{
    /// <summary>Where the sum starts.</summary>
    public const int SumStart = (int)StepScalar.Loss;

    /// <summary>How many ranks have been asked to stop: all do, after the same step.</summary>
    public const int StopRequests = StepScalars.Count;

    /// <summary>Step scalars and these together, in a run of one or more ranks.</summary>
    public const int Count = StopRequests + 1;
}
