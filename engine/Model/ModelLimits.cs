using System;
using GptEngine.Engine.Configuration;
using GptEngine.Runtime;

namespace GptEngine.Engine.Model;

/// <summary>What sizes a model may have. A configuration comes from disk, so it is checked before anything is computed from it.</summary>
public static class ModelLimits
{
    private const int LargestVocabulary = 1 << 20;
    private const int LargestContext = 1 << 20;
    private const int LargestWidth = 1 << 16;
    private const int MostLayers = 1 << 10;

    /// <summary>Throws unless the configuration describes a model.</summary>
    /// <exception cref="UserErrorException">Usage; names the key, its value, and what it may be.</exception>
    public static void Check(ModelConfiguration model)
    {
        ArgumentNullException.ThrowIfNull(model);
        Range("vocab_size", model.VocabSize, LargestVocabulary);
        Range("context_length", model.ContextLength, LargestContext);
        Range("d_model", model.DModel, LargestWidth);
        Range("n_layers", model.NLayers, MostLayers);
        Range("n_heads", model.NHeads, LargestWidth);
        if (model.DModel % model.NHeads != 0)
        {
            throw Refuse($"model.n_heads is {model.NHeads}, which does not divide model.d_model, {model.DModel}. Choose n_heads so that it does.");
        }

        if (model.Positions == PositionKind.Rotary && model.DHead % 2 != 0)
        {
            throw Refuse($"model.positions \"rotary\" needs an even head size, and d_model / n_heads is {model.DHead}. Change one of the two.");
        }

        if (!(model.Dropout >= 0 && model.Dropout < 1))
        {
            throw Refuse($"model.dropout is {model.Dropout}; it must be at least 0 and below 1.");
        }

        if (!(model.LayerNormEpsilon > 0 && model.LayerNormEpsilon < 1))
        {
            throw Refuse($"model.layer_norm_epsilon is {model.LayerNormEpsilon}; it must be above 0 and below 1.");
        }
    }

    private static void Range(string key, int value, int largest)
    {
        if (value < 1 || value > largest)
        {
            throw Refuse($"model.{key} is {value}; it must be from 1 to {largest}.");
        }
    }

    private static UserErrorException Refuse(string message) => new(message, ExitCode.Usage);
}
