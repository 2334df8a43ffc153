using System.Text.Json.Serialization;
using GptEngine.Kernels.Common;

namespace GptEngine.Engine.Configuration;

/// <summary>How a token knows where it stands.</summary>
public enum PositionKind
{
    [JsonStringEnumMemberName("sinusoidal")]
    Sinusoidal,

    [JsonStringEnumMemberName("learned")]
    Learned,

    [JsonStringEnumMemberName("rotary")]
    Rotary,
}

/// <summary>The MLP's activation, by its name in configuration files.</summary>
public enum ActivationKind
{
    [JsonStringEnumMemberName("gelu_tanh")]
    GeluTanh,

    [JsonStringEnumMemberName("gelu")]
    Gelu,

    [JsonStringEnumMemberName("relu")]
    Relu,
}

/// <summary>The shape of a model: the <c>model</c> section, and the <c>config.json</c> beside weights. The defaults are those of gpt-89m.</summary>
public sealed record ModelConfiguration
{
    /// <summary>V, ids a tokenizer can give. Weights are padded to a multiple of 128 rows in memory, never in files.</summary>
    public int VocabSize { get; set; } = 50257;

    /// <summary>T, positions a sequence.</summary>
    public int ContextLength { get; set; } = 256;

    /// <summary>C, channels of the residual stream.</summary>
    public int DModel { get; set; } = 512;

    /// <summary>L, blocks.</summary>
    public int NLayers { get; set; } = 12;

    /// <summary>H, attention heads; divides <see cref="DModel"/>.</summary>
    public int NHeads { get; set; } = 8;

    /// <summary>How positions enter: added to the embedding, or rotating Q and K.</summary>
    public PositionKind Positions { get; set; } = PositionKind.Sinusoidal;

    public ActivationKind Activation { get; set; } = ActivationKind.GeluTanh;

    /// <summary>Whether the QKV projection has a bias; all other linear layers of a block always have one.</summary>
    public bool QkvBias { get; set; }

    /// <summary>Whether the head has a bias.</summary>
    public bool HeadBias { get; set; } = true;

    /// <summary>Whether the head's weight is the token embedding.</summary>
    public bool TieEmbeddings { get; set; }

    /// <summary>Whether attention stops at the document token.</summary>
    public bool DocumentMask { get; set; } = true;

    public float LayerNormEpsilon { get; set; } = 1e-5f;

    /// <summary>Probability of dropping on the embedding sum and on what each sub-layer adds; 0 turns it off.</summary>
    public float Dropout { get; set; }

    /// <summary>D = C / H.</summary>
    [JsonIgnore]
    public int DHead => DModel / NHeads;

    /// <summary>P: <see cref="VocabSize"/> rounded up to a multiple of 128.</summary>
    [JsonIgnore]
    public int PaddedVocabSize => (VocabSize + 127) / 128 * 128;

    /// <summary>The activation as kernels know it.</summary>
    [JsonIgnore]
    public Activation KernelActivation => Activation switch
    {
        ActivationKind.GeluTanh => Kernels.Common.Activation.GeluTanh,
        ActivationKind.Gelu => Kernels.Common.Activation.Gelu,
        _ => Kernels.Common.Activation.Relu,
    };
}
