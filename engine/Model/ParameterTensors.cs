using System;
using System.Collections.Generic;
using GptEngine.Engine.Configuration;
using GptEngine.Runtime.Memory;

namespace GptEngine.Engine.Model;

/// <summary>An arena seen as the model's parameters: the masters, the compute weights, the gradients, or a moment.</summary>
public sealed class ParameterTensors
{
    private readonly Dictionary<string, Tensor> _byName = [];

    public ParameterTensors(ModelConfiguration model, ParameterCatalogue catalogue, Tensor arena)
    {
        ArgumentNullException.ThrowIfNull(arena);
        Arena = arena;
        foreach (ParameterSpec parameter in catalogue.Parameters)
        {
            _byName.Add(parameter.Name, arena.View(parameter.Name, parameter.Offset, parameter.MemoryShape));
        }

        TokenEmbedding = this["token_embedding.weight"];
        PositionEmbedding = Find("position_embedding.weight");
        FinalNormWeight = this["final_norm.weight"];
        FinalNormBias = this["final_norm.bias"];
        HeadWeight = Find("head.weight") ?? TokenEmbedding;
        HeadBias = Find("head.bias");
        Blocks = new BlockTensors[model.NLayers];
        for (int layer = 0; layer < model.NLayers; layer++)
        {
            Blocks[layer] = new BlockTensors(this, layer);
        }
    }

    /// <summary>(G): all of it.</summary>
    public Tensor Arena { get; }

    /// <summary>(P, C).</summary>
    public Tensor TokenEmbedding { get; }

    /// <summary>(T, C); null unless learned.</summary>
    public Tensor? PositionEmbedding { get; }

    public BlockTensors[] Blocks { get; }

    /// <summary>(C).</summary>
    public Tensor FinalNormWeight { get; }

    /// <summary>(C).</summary>
    public Tensor FinalNormBias { get; }

    /// <summary>(P, C); the token embedding where the two are tied.</summary>
    public Tensor HeadWeight { get; }

    /// <summary>(P), or null.</summary>
    public Tensor? HeadBias { get; }

    /// <summary>The parameter of that name, in its memory shape.</summary>
    public Tensor this[string name] => _byName[name];

    /// <summary>The parameter of that name, or null where the model has none.</summary>
    public Tensor? Find(string name) => _byName.GetValueOrDefault(name);
}
