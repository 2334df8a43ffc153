using System;
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

    /// <summary>How many ranks have their share of a checkpoint on disk.</summary>
    public const int SharesWritten = StopRequests + 1;

    /// <summary>A place for every rank's own seconds: a sum in which all others are zero.</summary>
    public const int OwnSeconds = SharesWritten + 1;

    /// <summary>Step scalars and these together.</summary>
    /// <param name="layout">The ranks; null for a process alone, which has none of these.</param>
    public static int Count(RankLayout? layout) => layout is null ? StepScalars.Count : OwnSeconds + layout.WorldSize;

    /// <summary>Fills in what one rank uploads.</summary>
    /// <param name="own">From <see cref="StopRequests"/> on.</param>
    /// <param name="rank">Which it is.</param>
    /// <param name="news">What it has to say.</param>
    public static void Write(Span<float> own, int rank, in RankNews news)
    {
        own.Clear();
        own[StopRequests - StepScalars.Count] = news.StopRequested ? 1 : 0;
        own[SharesWritten - StepScalars.Count] = news.ShareWritten ? 1 : 0;
        own[OwnSeconds - StepScalars.Count + rank] = (float)news.OwnSeconds;
    }
}
