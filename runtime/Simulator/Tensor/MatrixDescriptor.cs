namespace GptEngine.Runtime.Simulator.Tensor;

/// <summary>
/// Where a warpgroup product's operand lies in shared memory. Sources: PTX ISA 9.0, "Matrix Descriptor Format" and "Canonical Layouts"
/// (9.7.15.5.1.2), and CUTLASS 3.5, mma_sm90_desc.hpp and mma_traits_sm90_gmma.hpp, which agree. Everything goes by chunks of 16 bytes:
/// K-major, a chunk has consecutive values of what is summed over of one row (of A; column of B), MN-major consecutive rows at one of them.
/// </summary>
internal readonly record struct MatrixDescriptor(ulong Bits)
{
    internal const int ChunkBytes = 16;
    private const int AtomRows = 8;
    private const ulong Field = 0x3FFF;

    /// <summary>Bits of no field.</summary>
    private const ulong Reserved = (3ul << 14) | (3ul << 30) | (7ul << 46) | (0x3FFul << 52);

    /// <summary>Rows of the pattern in which a swizzle repeats are of 128 bytes, whatever the swizzle.</summary>
    private const int PatternRowShift = 7;

    internal int Start => (int)(Bits & Field) * ChunkBytes;

    internal int LeadingBytes => (int)((Bits >> 16) & Field) * ChunkBytes;

    internal int StrideBytes => (int)((Bits >> 32) & Field) * ChunkBytes;

    internal int BaseOffset => (int)(Bits >> 49) & 7;

    /// <summary>Chunks that change places with each other: 1 without a swizzle, 2, 4 or 8.</summary>
    internal int Width => (Bits >> 62) switch { 0 => 1, 1 => 8, 2 => 4, _ => 2 };

    internal bool HasReservedBits => (Bits & Reserved) != 0;

    /// <summary>Whether the repeating pattern of the swizzle starts where the base offset says.</summary>
    internal bool IsAligned => Width == 1 || (((Start >> PatternRowShift) - BaseOffset) & (Width - 1)) == 0;

    /// <summary>The bytes that a swizzle's pattern takes: what its start is to be a multiple of.</summary>
    internal int PatternBytes => Width << PatternRowShift;

    /// <summary>K-major: the byte of a row's chunk; a product has two of each row.</summary>
    internal int AlongRow(int row, int chunk) => Swizzle(
        Start + (row % AtomRows * Width * ChunkBytes) + (row / AtomRows * StrideBytes) + (chunk * (Width == 1 ? LeadingBytes : ChunkBytes)));

    /// <summary>MN-major: the byte of the chunk that has rows 8·chunk to 8·chunk + 7 at place <paramref name="k"/> of what is summed over.</summary>
    internal int DownRows(int chunk, int k) => Width == 1
        ? Start + (chunk * StrideBytes) + (k % AtomRows * ChunkBytes) + (k / AtomRows * LeadingBytes)
        : Swizzle(
            Start + (chunk % Width * ChunkBytes) + (chunk / Width * LeadingBytes) + (k % AtomRows * Width * ChunkBytes) + (k / AtomRows * StrideBytes));

    /// <summary>
    /// Bits 4 and up of the address are combined with those from 7 on, counted from where the pattern starts. Of addresses, not of places
    /// in the matrix: a descriptor may start inside a pattern's row.
    /// </summary>
    private int Swizzle(int address)
    {
        int row = (address >> PatternRowShift) - BaseOffset;
        return address ^ ((row & (Width - 1)) * ChunkBytes);
    }
}
