namespace GptEngine.Perf.MachineCode;

/// <summary>Why a scheduler issues nothing: what the first of its warps to go on waits for.</summary>
internal enum WaitReason
{
    /// <summary>It has no warp.</summary>
    Idle,

    /// <summary>A stall count.</summary>
    Stall,

    /// <summary>A unit that is at work.</summary>
    Unit,

    /// <summary>The other warps of the block.</summary>
    Block,

    /// <summary>Something from the tensor cores.</summary>
    Tensor,

    /// <summary>From the special functions.</summary>
    Special,

    /// <summary>From shared memory, or a shuffle.</summary>
    Shared,

    /// <summary>From global memory.</summary>
    Global,
}
