namespace GptEngine.Runtime.Devices;

/// <summary>What a named stretch of work is, for a listener that draws a track a kind.</summary>
public enum RangeKind
{
    /// <summary>An optimizer step; its number is the step's, from 0.</summary>
    Step,

    /// <summary>One micro-batch forward and backward; its number is its place in the step, from 0.</summary>
    MicroStep,

    /// <summary>The forward or the backward pass.</summary>
    Pass,

    /// <summary>A block of the model, or what stands before and behind the blocks: embedding, final norm, head.</summary>
    Layer,

    /// <summary>A part of a layer: attention, MLP.</summary>
    Part,

    /// <summary>Gradient norm and optimizer.</summary>
    Update,

    /// <summary>What ranks tell each other.</summary>
    Communication,
}
