using GptEngine.Runtime.Memory;

namespace GptEngine.Engine.Model;

/// <summary>One block's part of an arena: its compute weights, or their gradients.</summary>
public sealed class BlockTensors
{
    internal BlockTensors(ParameterTensors all, int layer)
    {
        string prefix = $"blocks.{layer}.";
        Norm1Weight = all[prefix + "norm1.weight"];
        Norm1Bias = all[prefix + "norm1.bias"];
        QkvWeight = all[prefix + "attention.qkv.weight"];
        QkvBias = all.Find(prefix + "attention.qkv.bias");
        ProjWeight = all[prefix + "attention.proj.weight"];
        ProjBias = all[prefix + "attention.proj.bias"];
        Norm2Weight = all[prefix + "norm2.weight"];
        Norm2Bias = all[prefix + "norm2.bias"];
        UpWeight = all[prefix + "mlp.up.weight"];
        UpBias = all[prefix + "mlp.up.bias"];
        DownWeight = all[prefix + "mlp.down.weight"];
        DownBias = all[prefix + "mlp.down.bias"];
    }

    /// <summary>(C).</summary>
    public Tensor Norm1Weight { get; }

    /// <summary>(C).</summary>
    public Tensor Norm1Bias { get; }

    /// <summary>(3C, C).</summary>
    public Tensor QkvWeight { get; }

    /// <summary>(3C), or null.</summary>
    public Tensor? QkvBias { get; }

    /// <summary>(C, C).</summary>
    public Tensor ProjWeight { get; }

    /// <summary>(C).</summary>
    public Tensor ProjBias { get; }

    /// <summary>(C).</summary>
    public Tensor Norm2Weight { get; }

    /// <summary>(C).</summary>
    public Tensor Norm2Bias { get; }

    /// <summary>(4C, C).</summary>
    public Tensor UpWeight { get; }

    /// <summary>(4C).</summary>
    public Tensor UpBias { get; }

    /// <summary>(C, 4C).</summary>
    public Tensor DownWeight { get; }

    /// <summary>(C).</summary>
    public Tensor DownBias { get; }
}
