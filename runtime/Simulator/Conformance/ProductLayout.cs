using System.Globalization;

namespace GptEngine.Runtime.Simulator.Conformance;

/// <summary>How an operand of a warpgroup product lies in shared memory.</summary>
/// <param name="SwizzleBytes">0, 32, 64 or 128.</param>
/// <param name="IsDown">Whether rows of A (columns of B) lie side by side, not what is summed over: MN-major.</param>
/// <param name="Step">K-major with a swizzle: how many times 32 bytes into the pattern's row the operand starts.</param>
/// <param name="BaseOffset">In which row of 128 bytes the pattern starts.</param>
public sealed record ProductLayout(int SwizzleBytes, bool IsDown, int Step = 0, int BaseOffset = 0)
{
    private const int ChunkBytes = 16;
    private const int CoreBytes = 128;

    /// <summary>The strides that pack an operand of so many rows: its leading and stride byte offsets.</summary>
    public (int Leading, int Stride) Strides(int rows, int depth)
    {
        int chunks = rows * (32 / depth) / ChunkBytes;
        int pattern = 8 * SwizzleBytes;
        return (SwizzleBytes, IsDown) switch
        {
            (0, false) => (CoreBytes, 2 * CoreBytes),
            (0, true) => (chunks * CoreBytes, CoreBytes),
            (_, false) => (ChunkBytes, pattern),
            _ => (pattern, pattern * ((chunks + (SwizzleBytes / ChunkBytes) - 1) / (SwizzleBytes / ChunkBytes))),
        };
    }

    /// <summary>The matrix descriptor of an operand of so many rows at an address.</summary>
    public ulong Descriptor(int address, int rows, int depth)
    {
        (int leading, int stride) = Strides(rows, depth);
        return (uint)(Start(address) / ChunkBytes) | ((ulong)(uint)(leading / ChunkBytes) << 16) | ((ulong)(uint)(stride / ChunkBytes) << 32)
            | ((ulong)(uint)BaseOffset << 49) | (SwizzleBytes switch { 0 => 0ul, 128 => 1, 64 => 2, _ => 3 } << 62);
    }

    /// <summary>Where the operand starts whose place begins at an address.</summary>
    public int Start(int address) => address + (Step * 32) + (BaseOffset * CoreBytes);

    public override string ToString() => string.Create(
        CultureInfo.InvariantCulture,
        $"{(IsDown ? "MN" : "K")}-major {(SwizzleBytes == 0 ? "plain" : $"{SwizzleBytes} B")}{(Step == 0 ? "" : $" + {Step * 32}")}{(BaseOffset == 0 ? "" : $" base {BaseOffset}")}");
}
