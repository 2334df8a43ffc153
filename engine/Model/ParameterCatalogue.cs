using System;
using System.Collections.Generic;
using System.Linq;
using GptEngine.Engine.Configuration;

namespace GptEngine.Engine.Model;

/// <summary>
/// Every parameter of a model, in the order of its arena: first all that decay, then all that don't, so that one boundary tells AdamW
/// which is which; within each, from the embedding to the head. Offsets are multiples of <see cref="OffsetUnit"/> elements; the gaps
/// stay zero.
/// </summary>
public sealed class ParameterCatalogue
{
    /// <summary>128 elements are 256 bytes of the narrowest storage type: the same offsets serve the masters and their low-precision copy.</summary>
    public const long OffsetUnit = 128;

    private readonly List<ParameterSpec> _parameters = [];
    private readonly Dictionary<string, ParameterSpec> _byName = [];

    public ParameterCatalogue(ModelConfiguration model)
    {
        ConfigurationValidator.CheckModel(model);
        ParameterSpec[] all = [.. Enumerate(model)];
        long offset = 0;
        foreach (ParameterSpec parameter in all.Where(p => p.Decays))
        {
            offset = Place(parameter, offset);
        }

        DecayCount = offset;
        foreach (ParameterSpec parameter in all.Where(p => !p.Decays))
        {
            offset = Place(parameter, offset);
        }

        ArenaCount = offset;
        ParameterCount = _parameters.Sum(p => p.Count);
    }

    /// <summary>In the order of the arena.</summary>
    public IReadOnlyList<ParameterSpec> Parameters => _parameters;

    /// <summary>Elements of the arena, gaps and padding rows included.</summary>
    public long ArenaCount { get; }

    /// <summary>Elements at the start of the arena that decay.</summary>
    public long DecayCount { get; }

    /// <summary>What a person calls the number of parameters: padding and gaps left out.</summary>
    public long ParameterCount { get; }

    public ParameterSpec this[string name] => _byName[name];

    public bool Contains(string name) => _byName.ContainsKey(name);

    /// <summary>Parameters that enter a matrix product: all weights of linear layers, and the head whether tied or not.</summary>
    public static long MatrixParameterCount(ModelConfiguration model)
    {
        ArgumentNullException.ThrowIfNull(model);
        long channels = model.DModel;
        return (12 * channels * channels * model.NLayers) + (model.VocabSize * channels);
    }

    private static IEnumerable<ParameterSpec> Enumerate(ModelConfiguration model)
    {
        long channels = model.DModel;
        var phases = new Phases(model.NLayers);
        yield return VocabularyMatrix("token_embedding.weight", model) with
        {
            GradientPhase = phases.EmbeddingBackward,
            ReadPhase = phases.Embedding,
        };
        if (model.Positions == PositionKind.Learned)
        {
            yield return Matrix("position_embedding.weight", model.ContextLength, channels, ParameterInit.Normal) with
            {
                GradientPhase = phases.EmbeddingBackward,
                ReadPhase = phases.Embedding,
            };
        }

        for (int layer = 0; layer < model.NLayers; layer++)
        {
            string prefix = $"blocks.{layer}.";
            foreach (ParameterSpec parameter in Attention(prefix, channels, model.QkvBias))
            {
                yield return parameter with { GradientPhase = phases.AttentionBackward(layer), ReadPhase = phases.Attention(layer) };
            }

            foreach (ParameterSpec parameter in Mlp(prefix, channels))
            {
                yield return parameter with { GradientPhase = phases.MlpBackward(layer), ReadPhase = phases.Mlp(layer) };
            }
        }

        yield return Vector("final_norm.weight", channels, ParameterInit.One) with { GradientPhase = phases.Head, ReadPhase = phases.Head };
        yield return Vector("final_norm.bias", channels, ParameterInit.Zero) with { GradientPhase = phases.Head, ReadPhase = phases.Head };
        if (!model.TieEmbeddings)
        {
            yield return VocabularyMatrix("head.weight", model) with { GradientPhase = phases.Head, ReadPhase = phases.Head };
        }

        if (model.HeadBias)
        {
            yield return Vector("head.bias", model.VocabSize, ParameterInit.Zero) with
            {
                MemoryRows = model.PaddedVocabSize,
                GradientPhase = phases.Head,
                ReadPhase = phases.Head,
            };
        }
    }

    private static IEnumerable<ParameterSpec> Attention(string prefix, long channels, bool qkvBias)
    {
        yield return Vector(prefix + "norm1.weight", channels, ParameterInit.One);
        yield return Vector(prefix + "norm1.bias", channels, ParameterInit.Zero);
        yield return Matrix(prefix + "attention.qkv.weight", 3 * channels, channels, ParameterInit.Normal);
        if (qkvBias)
        {
            yield return Vector(prefix + "attention.qkv.bias", 3 * channels, ParameterInit.Zero);
        }

        yield return Matrix(prefix + "attention.proj.weight", channels, channels, ParameterInit.ResidualNormal);
        yield return Vector(prefix + "attention.proj.bias", channels, ParameterInit.Zero);
    }

    private static IEnumerable<ParameterSpec> Mlp(string prefix, long channels)
    {
        yield return Vector(prefix + "norm2.weight", channels, ParameterInit.One);
        yield return Vector(prefix + "norm2.bias", channels, ParameterInit.Zero);
        yield return Matrix(prefix + "mlp.up.weight", 4 * channels, channels, ParameterInit.Normal);
        yield return Vector(prefix + "mlp.up.bias", 4 * channels, ParameterInit.Zero);
        yield return Matrix(prefix + "mlp.down.weight", channels, 4 * channels, ParameterInit.ResidualNormal);
        yield return Vector(prefix + "mlp.down.bias", channels, ParameterInit.Zero);
    }

    private static ParameterSpec Matrix(string name, long rows, long columns, ParameterInit init) =>
        new(name, rows, columns, rows, Decays: true, init, 0);

    private static ParameterSpec Vector(string name, long length, ParameterInit init) =>
        new(name, length, 0, length, Decays: false, init, 0);

    private static ParameterSpec VocabularyMatrix(string name, ModelConfiguration model) =>
        Matrix(name, model.VocabSize, model.DModel, ParameterInit.Normal) with { MemoryRows = model.PaddedVocabSize };

    private long Place(ParameterSpec parameter, long offset)
    {
        ParameterSpec placed = parameter with { Offset = offset };
        _parameters.Add(placed);
        _byName.Add(placed.Name, placed);
        return (offset + placed.MemoryCount + OffsetUnit - 1) / OffsetUnit * OffsetUnit;
    }
}
