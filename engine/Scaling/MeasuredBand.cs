using System.Collections.Generic;

namespace GptEngine.Engine.Scaling;

/// <summary>What a kind of training has been seen to reach on one DGX-1, 8 GPUs over 1, as a range.</summary>
/// <param name="Workload">One of that kind.</param>
/// <param name="MicroSteps">Of a step.</param>
/// <param name="Low">Efficiency at least.</param>
/// <param name="High">Efficiency at most.</param>
public sealed record MeasuredBand(ScalingWorkload Workload, int MicroSteps, double Low, double High)
{
    /// <summary>The kinds known. Sizes that the sources leave open are chosen here, and said in the names.</summary>
    public static IReadOnlyList<MeasuredBand> All { get; } =
    [
        new(ScalingWorkload.OfLayers("BERT-Large with accumulation (16 × 64 × 128 tokens)", 24, 4 * 12.6e6, 4 * 31.8e6, 64 / 224.0), 16, 0.95, 0.97),
        new(ScalingWorkload.OfLayers("0.5B GPT with accumulation (16 × 4 × 1024 tokens, 40 % of peak)", 24, 4 * 19.7e6, 4 * 64e6, 4096 * 3.4e9 / 50e12), 16, 0.95, 0.97),
        new(ScalingWorkload.OfLayers("d 512 without accumulation (Transformer-XL base, 32 × 192 tokens)", 16, 2 * 3.4e6, 2 * 137e6, 32 * 192 / 36_692.0), 1, 0.82, 0.88),
    ];
}
