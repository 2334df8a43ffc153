using System;
using System.Collections.Generic;

namespace GptEngine.Engine.Scaling;

/// <summary>Predicts an optimizer step of many ranks from that of one: sums that computation does not hide, and waiting for the slowest.</summary>
public sealed class ScalingModel(ScalingAssumptions assumptions)
{
    private readonly Dictionary<int, double> _largest = [];

    /// <summary>A step of <paramref name="ranks"/> ranks.</summary>
    /// <param name="workload">What each computes.</param>
    /// <param name="ranks">W.</param>
    /// <param name="microSteps">Of a step, on each rank.</param>
    /// <param name="sharded">Whether each rank updates its part of the parameters: scatter and gather in place of sums.</param>
    public StepPrediction Predict(ScalingWorkload workload, int ranks, double microSteps, bool sharded)
    {
        ArgumentNullException.ThrowIfNull(workload);
        var times = new CollectiveTimes(assumptions, ranks);
        bool scatters = sharded && ranks > 1;
        double exposed = ranks == 1
            ? 0
            : GradientTimeline.Exposed(workload.Buckets, workload.MicroStepSeconds, scatters ? times.ScatterOrGather : times.AllReduce, assumptions.Slowdown);
        double compute = microSteps * workload.MicroStepSeconds;
        double deviation = Math.Sqrt((assumptions.Spread * assumptions.Spread) + (assumptions.Jitter * assumptions.Jitter / microSteps));
        double waiting = compute * deviation * LargestOf(ranks);
        double update = workload.UpdateSeconds;
        if (scatters)
        {
            // The norm's sums of squares are a few kilobytes: what counts is how long they travel.
            update = times.AllReduce(0) + WeightTimeline.Update(workload.Weights, workload.UpdateSeconds / ranks, times.ScatterOrGather, assumptions.Slowdown);
            exposed += WeightTimeline.Exposed(workload.Weights, workload.MicroStepSeconds, times.ScatterOrGather, assumptions.Slowdown);
        }

        double alone = compute + workload.UpdateSeconds;
        double step = compute + waiting + exposed + update;
        return new StepPrediction(ranks, microSteps, step, alone, waiting, exposed, update, times.RingBandwidth);
    }

    /// <summary>How far the largest of some normal values lies above their mean, expected, in standard deviations: ∫ (1 − Φⁿ) over x &gt; 0 − ∫ Φⁿ over x &lt; 0.</summary>
    private double LargestOf(int count)
    {
        if (count == 1)
        {
            return 0;
        }

        if (_largest.TryGetValue(count, out double known))
        {
            return known;
        }

        const double Step = 1e-3, End = 9;
        double below = 0, expected = 0;
        for (double x = -End + (Step / 2); x < End; x += Step)
        {
            below += Math.Exp(-x * x / 2) / Math.Sqrt(2 * Math.PI) * Step;
            double all = Math.Pow(Math.Min(1, below), count);
            expected += (x > 0 ? 1 - all : -all) * Step;
        }

        return _largest[count] = expected;
    }
}
