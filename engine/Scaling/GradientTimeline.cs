using System;
using System.Collections.Generic;

namespace GptEngine.Engine.Scaling;

/// <summary>
/// The last micro-step with its sums: computation goes on while a queue beside it sums one bucket after the other, each from when it is
/// ready; while a sum runs, computation is slower.
/// </summary>
internal static class GradientTimeline
{
    /// <summary>Pieces in the order in which they are ready, gathered until a bucket is full.</summary>
    public static IReadOnlyList<GradientPiece> Buckets(IEnumerable<GradientPiece> pieces, long bucketBytes)
    {
        var buckets = new List<GradientPiece>();
        double bytes = 0, readyAt = 0;
        foreach (GradientPiece piece in pieces)
        {
            bytes += piece.Bytes;
            readyAt = piece.ReadyAt;
            if (bytes >= bucketBytes)
            {
                buckets.Add(new GradientPiece(bytes, readyAt));
                bytes = 0;
            }
        }

        if (bytes > 0)
        {
            buckets.Add(new GradientPiece(bytes, readyAt));
        }

        return buckets;
    }

    /// <summary>By how much the micro-step is longer than alone, in seconds.</summary>
    /// <param name="buckets">In the order in which they are ready.</param>
    /// <param name="computeSeconds">The micro-step alone.</param>
    /// <param name="sumSeconds">Of a bucket by its bytes.</param>
    /// <param name="slowdown">Of computation while a sum runs.</param>
    public static double Exposed(IReadOnlyList<GradientPiece> buckets, double computeSeconds, Func<double, double> sumSeconds, double slowdown)
    {
        double time = 0, done = 0, sumLeft = 0;
        int next = 0;
        while (done < computeSeconds || sumLeft > 0 || next < buckets.Count)
        {
            if (sumLeft <= 0 && next < buckets.Count && buckets[next].ReadyAt * computeSeconds <= done)
            {
                sumLeft = sumSeconds(buckets[next++].Bytes);
                continue;
            }

            // On to whatever comes first: the sum's end, the next bucket, or the end of the computation.
            double rate = sumLeft > 0 ? 1 / (1 + slowdown) : 1;
            double target = sumLeft <= 0 && next < buckets.Count ? buckets[next].ReadyAt * computeSeconds : computeSeconds;
            double toTarget = target > done ? (target - done) / rate : double.PositiveInfinity;
            double step = sumLeft > 0 ? Math.Min(sumLeft, toTarget) : toTarget;
            done = step == toTarget ? target : done + (done < computeSeconds ? step * rate : 0);
            sumLeft = step == sumLeft ? 0 : Math.Max(0, sumLeft - step);
            time += step;
        }

        return time - computeSeconds;
    }
}
