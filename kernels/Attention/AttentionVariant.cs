namespace GptEngine.Kernels.Attention;

/// <summary>The fastest kernels that <see cref="AttentionLauncher"/> may choose.</summary>
public enum AttentionVariant
{
    /// <summary>The plain ones, which serve any size on any GPU: the second oracle.</summary>
    Plain,

    /// <summary>On tensor cores, a block a tile of a head: what serves any length.</summary>
    Tiles,

    /// <summary>On tensor cores, and in the backward pass a block a head where it is short enough and the GPU's blocks have the shared memory.</summary>
    WholeHeads,
}
