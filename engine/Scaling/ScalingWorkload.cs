using System;
using System.Collections.Generic;
using System.Linq;
using GptEngine.Engine.Configuration;
using GptEngine.Engine.Model;
using GptEngine.Engine.Ranks;
using GptEngine.Engine.Training;
using GptEngine.Runtime.Memory;

namespace GptEngine.Engine.Scaling;

/// <summary>What each rank computes and sums.</summary>
/// <param name="Name">For people.</param>
/// <param name="Buckets">Its gradients as they are summed, in the order in which the backward pass finishes them.</param>
/// <param name="MicroStepSeconds">A micro-step on one GPU alone.</param>
/// <param name="UpdateSeconds">Gradient norm and optimizer over all parameters on one GPU.</param>
/// <param name="Weights">What all ranks gather after an update that is sharded, in the order in which the next micro-step reads it.</param>
public sealed record ScalingWorkload(
    string Name, IReadOnlyList<GradientPiece> Buckets, double MicroStepSeconds, double UpdateSeconds, IReadOnlyList<WeightPiece> Weights)
{
    private const int GradientBytes = sizeof(float), WeightBytes = 2;

    // PyTorch's own default.
    private const long OthersBucketBytes = 25 << 20;

    /// <summary>A configuration of this program, with the buckets that its ranks use.</summary>
    /// <param name="name">For people.</param>
    /// <param name="configuration">Its shapes, and how it trains.</param>
    /// <param name="ranks">Between which gradients are summed.</param>
    /// <param name="utilisation">Of the peak.</param>
    /// <param name="assumptions">Peak and memory bandwidth.</param>
    public static ScalingWorkload Of(string name, RunConfiguration configuration, int ranks, double utilisation, ScalingAssumptions assumptions)
    {
        ArgumentNullException.ThrowIfNull(configuration);
        ArgumentNullException.ThrowIfNull(assumptions);
        ModelConfiguration model = configuration.Model;
        int microBatch = BatchPlan.Resolve(configuration.Training, model.ContextLength, worldSize: 1).MicroBatch;
        double seconds = (double)microBatch * model.ContextLength * ModelFlops.PerToken(model) / (utilisation * assumptions.PeakFlops);
        var map = new ArenaMap(new ParameterCatalogue(model), RankLayout.From(configuration.Training, 0, ranks), DataType.Float32);
        double[] done = DoneBehindPhases(model);
        return new ScalingWorkload(
            name,
            [.. map.Buckets.Select(bucket => new GradientPiece((double)bucket.Range.Count * GradientBytes, done[bucket.Phase]))],
            seconds, map.ArenaCount * assumptions.UpdateBytes / assumptions.MemoryBandwidth,
            [.. map.ReadOrder.Select(number => PieceOf(map.Buckets[number], done))]);
    }

    /// <summary>
    /// A transformer of which only sizes are known: layers alike, their gradients ready one after the other over the last two thirds of the
    /// micro-step, and the embedding's with the last.
    /// </summary>
    public static ScalingWorkload OfLayers(string name, int layers, double layerBytes, double embeddingBytes, double microStepSeconds) => new(
        name,
        GradientTimeline.Buckets([
            .. Enumerable.Range(1, layers).Select(layer => new GradientPiece(layerBytes, (1 + (2.0 * layer / layers)) / 3)),
            new GradientPiece(embeddingBytes, 1),
        ], OthersBucketBytes),
        microStepSeconds, 0, []);

    private static WeightPiece PieceOf(GradientBucket bucket, double[] done) =>
        new((double)bucket.Range.Count * WeightBytes, bucket.ReadPhase == 0 ? 0 : done[bucket.ReadPhase - 1], bucket.IsReadFirst);

    /// <summary>How much of a micro-step is done behind each of its phases, by multiplications; the backward pass takes twice the forward.</summary>
    private static double[] DoneBehindPhases(ModelConfiguration model)
    {
        var phases = new Phases(model.NLayers);
        double channels = model.DModel;
        double attention = (4 * channels * channels) + (model.ContextLength * channels), mlp = 8 * channels * channels;
        double[] cost = new double[phases.EmbeddingBackward + 1];
        cost[phases.Head] = 3.0 * model.VocabSize * channels;
        for (int layer = 0; layer < model.NLayers; layer++)
        {
            cost[phases.Attention(layer)] = attention;
            cost[phases.Mlp(layer)] = mlp;
            cost[phases.MlpBackward(layer)] = 2 * mlp;
            cost[phases.AttentionBackward(layer)] = 2 * attention;
        }

        double all = cost.Sum(), sum = 0;
        return [.. cost.Select(part => (sum += part) >= all ? 1 : sum / all)];
    }
}
