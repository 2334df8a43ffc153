namespace GptEngine.Engine.Model;

/// <summary>What the forward pass leaves behind for the backward pass, in multiples of N·C elements a layer.</summary>
public enum ActivationPolicy
{
    /// <summary>16 N·C: everything; nothing is computed twice.</summary>
    KeepAll,

    /// <summary>14 N·C: what the norms gave is computed again from the residual stream, two passes over memory a layer.</summary>
    RecomputeNorms,

    /// <summary>1 N·C, and one block's 15 for all layers: a block's forward pass, but for its last product, runs again in the backward pass.</summary>
    RecomputeBlocks,
}
