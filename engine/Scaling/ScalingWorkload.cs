using System;
using System.Collections.Generic;
using System.Linq;
using GptEngine.Engine.Configuration;
using GptEngine.Engine.Model;

namespace GptEngine.Engine.Scaling;

/// <summary>What each rank computes and sums.</summary>
/// <param name="Name">For people.</param>
/// <param name="Pieces">Its gradients, in the order in which the backward pass finishes them.</param>
/// <param name="MicroStepSeconds">A micro-step on one GPU alone.</param>
/// <param name="UpdateSeconds">Gradient norm and optimizer over all parameters on one GPU.</param>
/// <param name="GatherBytes">What all ranks gather after an update that is sharded.</param>
public sealed record ScalingWorkload(
    string Name, IReadOnlyList<GradientPiece> Pieces, double MicroStepSeconds, double UpdateSeconds, double GatherBytes)
{
    private const int GradientBytes = sizeof(float), WeightBytes = 2;

    /// <summary>A configuration of this program.</summary>
    /// <param name="name">For people.</param>
    /// <param name="model">Its shapes.</param>
    /// <param name="microBatch">Sequences of a rank in a micro-step.</param>
    /// <param name="utilisation">Of the peak.</param>
    /// <param name="assumptions">Peak and memory bandwidth.</param>
    public static ScalingWorkload Of(string name, ModelConfiguration model, int microBatch, double utilisation, ScalingAssumptions assumptions)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(assumptions);
        var catalogue = new ParameterCatalogue(model);
        double seconds = (double)microBatch * model.ContextLength * ModelFlops.PerToken(model) / (utilisation * assumptions.PeakFlops);
        return new ScalingWorkload(
            name, [.. PiecesOf(model, catalogue)], seconds, catalogue.ArenaCount * assumptions.UpdateBytes / assumptions.MemoryBandwidth,
            (double)catalogue.ArenaCount * WeightBytes);
    }

    /// <summary>
    /// A transformer of which only sizes are known: layers alike, their gradients ready one after the other over the last two thirds of the
    /// micro-step, and the embedding's with the last.
    /// </summary>
    public static ScalingWorkload OfLayers(string name, int layers, double layerBytes, double embeddingBytes, double microStepSeconds) => new(
        name,
        [
            .. Enumerable.Range(1, layers).Select(layer => new GradientPiece(layerBytes, (1 + (2.0 * layer / layers)) / 3)),
            new GradientPiece(embeddingBytes, 1),
        ],
        microStepSeconds, 0, 0);

    // Head and loss run forward and backward at once; then the blocks, last first; the embedding at the very end.
    private static IEnumerable<GradientPiece> PiecesOf(ModelConfiguration model, ParameterCatalogue catalogue)
    {
        double block = (12.0 * model.DModel * model.DModel) + ((double)model.ContextLength * model.DModel);
        double head = (double)model.VocabSize * model.DModel;
        double all = 3 * ((model.NLayers * block) + head);
        double done = (model.NLayers * block) + (3 * head);
        yield return new GradientPiece(Bytes(catalogue, name => name.StartsWith("head.", StringComparison.Ordinal) || name.StartsWith("final_norm.", StringComparison.Ordinal)), done / all);
        for (int layer = model.NLayers - 1; layer >= 0; layer--)
        {
            done += 2 * block;
            string prefix = $"blocks.{layer}.";
            yield return new GradientPiece(Bytes(catalogue, name => name.StartsWith(prefix, StringComparison.Ordinal)), Math.Min(1, done / all));
        }

        yield return new GradientPiece(Bytes(catalogue, name => name.Contains("embedding", StringComparison.Ordinal)), 1);
    }

    private static double Bytes(ParameterCatalogue catalogue, Func<string, bool> chosen) =>
        catalogue.Parameters.Where(parameter => chosen(parameter.Name)).Sum(parameter => (double)parameter.MemoryCount * GradientBytes);
}
