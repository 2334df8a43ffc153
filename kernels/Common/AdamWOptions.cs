namespace GptEngine.Kernels.Common;

/// <summary>The constants of AdamW (Loshchilov and Hutter 2019, algorithm 2) and of clipping and loss scaling before it.</summary>
/// <param name="Beta1">Decay of the first moment.</param>
/// <param name="Beta2">Decay of the second moment.</param>
/// <param name="Epsilon">Added to √v̂.</param>
/// <param name="WeightDecay">Decoupled: w −= learning_rate·WeightDecay·w, on the decayed part of the arena only.</param>
/// <param name="Clip">Largest global gradient norm; 0 turns clipping off. The norm is still measured.</param>
/// <param name="DynamicLossScale">
/// Whether a bad step halves the loss scale and <paramref name="LossScaleGrowthInterval"/> good ones in a row double it (fp16).
/// </param>
/// <param name="LossScaleGrowthInterval">Good steps before the loss scale doubles.</param>
public readonly record struct AdamWOptions(
    float Beta1,
    float Beta2,
    float Epsilon,
    float WeightDecay,
    float Clip,
    bool DynamicLossScale = false,
    int LossScaleGrowthInterval = 1000);
