namespace GptEngine.Kernels.Common;

/// <summary>
/// Places in the step scalars: a (<see cref="StepScalars.Count"/>) fp32 tensor on the device that holds everything about a step that changes between
/// replays of a captured one. The host uploads the inputs before a step; kernels keep the rest, so that no decision of a step
/// (clipping, skipping a bad one, the loss scale) waits for the host.
/// </summary>
public enum StepScalar
{
    /// <summary>Input: the learning rate of this step.</summary>
    LearningRate = 0,

    /// <summary>Input: optimizer step number, 0-based, as the bits of an uint32 (dropout's counter).</summary>
    Step = 1,

    /// <summary>Input: seed, low 32 bits, as bits.</summary>
    SeedLow = 2,

    /// <summary>Input: seed, high 32 bits, as bits.</summary>
    SeedHigh = 3,

    /// <summary>State: what gradients are multiplied by (1 without loss scaling). Read by the loss, divided out before the norm.</summary>
    LossScale = 8,

    /// <summary>State: good steps since the loss scale last changed, as a number.</summary>
    GoodSteps = 9,

    /// <summary>State: how many updates AdamW has applied (its bias corrections' t), as the bits of an uint32.</summary>
    AppliedUpdates = 10,

    /// <summary>Result: mean loss over the step's target tokens.</summary>
    Loss = 16,

    /// <summary>Result: global gradient norm, before clipping, loss scale divided out.</summary>
    GradientNorm = 17,

    /// <summary>Result: what AdamW multiplies raw gradients by: clipping and unscaling together; 0 when the step is bad.</summary>
    GradientFactor = 18,

    /// <summary>Result: 1 when loss and gradient norm are finite and the update was applied, else 0.</summary>
    IsFinite = 19,
}
