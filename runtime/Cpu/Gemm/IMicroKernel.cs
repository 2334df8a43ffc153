namespace GptEngine.Runtime.Cpu.Gemm;

/// <summary>
/// The innermost product: tile (+)= A·B over packed panels, with the whole tile in registers. One implementation an instruction set.
/// </summary>
internal unsafe interface IMicroKernel
{
    /// <summary>Rows of a tile and width of a packed panel of A.</summary>
    static abstract int Rows { get; }

    /// <summary>Columns of a tile and width of a packed panel of B.</summary>
    static abstract int Columns { get; }

    /// <summary>tile[i, j] = (accumulate ? tile[i, j] : 0) + Σ a[k, i]·b[k, j], k ascending.</summary>
    /// <param name="rows">How many rows matter, 1 … <see cref="Rows"/>: the others may be left as they are.</param>
    /// <param name="depth">Length of the sum, at least 1.</param>
    /// <param name="a">Packed panel (depth, <see cref="Rows"/>).</param>
    /// <param name="b">Packed panel (depth, <see cref="Columns"/>), 64-byte aligned.</param>
    /// <param name="tile">(<see cref="Rows"/>, <see cref="Columns"/>), dense, 64-byte aligned.</param>
    /// <param name="accumulate">Whether to add to what the tile holds.</param>
    static abstract void Compute(int rows, int depth, float* a, float* b, float* tile, bool accumulate);
}
