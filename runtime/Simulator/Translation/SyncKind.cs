namespace GptEngine.Runtime.Simulator.Translation;

/// <summary>What a block's first instruction waits for.</summary>
internal enum SyncKind
{
    None,

    /// <summary>The lanes that a mask names: shuffles, votes, elections, bar.warp.sync.</summary>
    Lanes,

    /// <summary>All lanes of the warp: mma, wgmma, ldmatrix.</summary>
    Warp,

    /// <summary>A barrier of the block.</summary>
    Barrier,
}
