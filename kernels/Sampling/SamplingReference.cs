using System;
using System.Collections.Generic;
using System.Linq;
using System.Numerics;
using GptEngine.Kernels.Common;

namespace GptEngine.Kernels.Sampling;

/// <summary>Sampling from its definition (<see cref="SamplingOptions"/>), by sorting.</summary>
public static class SamplingReference
{
    /// <summary>The number in (0, 1] that decides what row <paramref name="row"/> gets.</summary>
    public static float Draw(ulong seed, int row, long position) =>
        Philox.ToUnit(Philox.Draw(seed, (uint)row, (uint)position, (uint)((ulong)position >> 32), 0).X);

    /// <summary>A token drawn from one row of logits.</summary>
    /// <param name="logits">(V): finite or −∞.</param>
    /// <param name="options">Temperature, top-k, top-p.</param>
    /// <param name="draw">A number in (0, 1].</param>
    public static int Sample<T>(ReadOnlySpan<T> logits, in SamplingOptions options, float draw)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        if (options.Temperature == 0)
        {
            return Ranking(logits)[0];
        }

        (int Id, T Weight)[] candidates = Candidates(logits, options);
        T total = Sum(candidates.Select(c => c.Weight));
        T target = T.CreateChecked(draw) * total;
        T cumulative = T.Zero;
        foreach ((int id, T weight) in candidates)
        {
            cumulative += weight;
            if (cumulative >= target && weight > T.Zero)
            {
                return id;
            }
        }

        return candidates.Last(c => c.Weight > T.Zero).Id;
    }

    /// <summary>What top-k and then top-p leave, by ascending id, each with exp((logit − max)/temperature).</summary>
    public static (int Id, T Weight)[] Candidates<T>(ReadOnlySpan<T> logits, in SamplingOptions options)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        int[] ranking = Ranking(logits);
        int kept = options.TopK == 0 ? ranking.Length : Math.Min(options.TopK, ranking.Length);
        T temperature = T.CreateChecked(options.Temperature);
        T max = logits[ranking[0]];
        var candidates = new List<(int Id, T Weight)>();
        foreach (int id in ranking.AsSpan(0, kept))
        {
            candidates.Add((id, T.Exp((logits[id] - max) / temperature)));
        }

        if (options.TopP < 1)
        {
            T enough = T.CreateChecked(options.TopP) * Sum(candidates.Select(c => c.Weight));
            T cumulative = T.Zero;
            int count = 0;
            while (count < candidates.Count && (count == 0 || cumulative < enough))
            {
                cumulative += candidates[count++].Weight;
            }

            candidates.RemoveRange(count, candidates.Count - count);
        }

        return [.. candidates.OrderBy(c => c.Id)];
    }

    /// <summary>Ids by descending logit, the lower id first on a tie.</summary>
    private static int[] Ranking<T>(ReadOnlySpan<T> logits)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        T[] values = logits.ToArray();
        return [.. Enumerable.Range(0, values.Length).OrderByDescending(id => values[id]).ThenBy(id => id)];
    }

    private static T Sum<T>(IEnumerable<T> values)
        where T : unmanaged, IFloatingPointIeee754<T> => values.Aggregate(T.Zero, (sum, value) => sum + value);
}
