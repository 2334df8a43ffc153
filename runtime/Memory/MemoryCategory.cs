namespace GptEngine.Runtime.Memory;

/// <summary>What memory is spent on; the memory table has a line for each.</summary>
public enum MemoryCategory
{
    /// <summary>Master weights, and their low-precision copy where there is one.</summary>
    Parameters,

    /// <summary>Accumulated gradients.</summary>
    Gradients,

    /// <summary>AdamW's two moments.</summary>
    Optimizer,

    /// <summary>What the forward pass leaves for the backward pass, and the gradients flowing back.</summary>
    Activations,

    /// <summary>Scratch of single operations, logits chunks among it.</summary>
    Workspace,

    /// <summary>Tokens, targets, document starts, step scalars, constant tables.</summary>
    Inputs,
}
