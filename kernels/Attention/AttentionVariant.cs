namespace GptEngine.Kernels.Attention;

/// <summary>The fastest kernels that <see cref="AttentionLauncher"/> may choose.</summary>
public enum AttentionVariant
{
    /// <summary>The plain ones, which serve any size on any GPU: the second oracle.</summary>
    Plain,

    /// <summary>On tensor cores, in blocks of four warps: any length and D.</summary>
    SmallBlocks,

    /// <summary>
    /// On tensor cores, and in the backward pass in blocks that take most of an SM, where the GPU's blocks may have the shared memory: of a whole
    /// head that is short enough, or of pairs of warps where heads are wide.
    /// </summary>
    LargeBlocks,

    /// <summary>Where the GPU is Hopper, on its warpgroup products; else as <see cref="LargeBlocks"/>.</summary>
    Warpgroups,
}
