using System;

namespace GptEngine.Kernels.Common;

/// <summary>The shape of an attention operation over a fused QKV activation.</summary>
/// <param name="Batch">B, sequences.</param>
/// <param name="Time">T, positions a sequence.</param>
/// <param name="Heads">H.</param>
/// <param name="HeadSize">D; C = H·D.</param>
public readonly record struct AttentionShape(int Batch, int Time, int Heads, int HeadSize)
{
    /// <summary>C = H·D.</summary>
    public int Channels => Heads * HeadSize;

    /// <summary>N = B·T.</summary>
    public long Rows => (long)Batch * Time;

    /// <summary>The factor on q·k before the softmax: 1/√D.</summary>
    public float Scale => 1.0f / MathF.Sqrt(HeadSize);
}
