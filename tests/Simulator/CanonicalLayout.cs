using System.Linq;

namespace GptEngine.Tests.Simulator;

/// <summary>
/// The canonical layouts of wgmma's operands in shared memory, as the PTX ISA (9.0, 9.7.15.5.1.2.1.3) and CUTLASS write them: nested shapes
/// and strides, in elements, under a swizzle of the byte address. T is the elements of 16 bytes.
///   MN-major   none ((T,1,m),(8,k)):((1,T,SBO),(1T,LBO))   swizzled ((T,W,m),(8,k)):((1,T,LBO),(WT,SBO))
///   K-major    none ((8,m),(T,2k)):((1T,SBO),(1,LBO))      swizzled ((8,m),(T,2k)):((WT,SBO),(1,T))
/// </summary>
/// <param name="Width">Chunks of 16 bytes that the swizzle moves among: W, or 1 for none.</param>
/// <param name="Down">MN-major.</param>
/// <param name="ElementBytes">2 or 4.</param>
/// <param name="Start">The matrix's byte.</param>
/// <param name="Leading">LBO in bytes.</param>
/// <param name="Stride">SBO in bytes.</param>
/// <param name="BaseOffset">The pattern's first row, modulo 8.</param>
internal sealed record CanonicalLayout(int Width, bool Down, int ElementBytes, int Start, int Leading, int Stride, int BaseOffset = 0)
{
    private int T => 16 / ElementBytes;

    /// <summary>The descriptor that says all this.</summary>
    internal ulong Descriptor => (uint)(Start >> 4) | ((ulong)(uint)(Leading >> 4) << 16) | ((ulong)(uint)(Stride >> 4) << 32) | ((ulong)(uint)BaseOffset << 49)
        | (Width switch { 1 => 0ul, 8 => 1, 4 => 2, _ => 3 } << 62);

    /// <summary>The byte of the element at row <paramref name="mn"/> (of A; column of B) and place <paramref name="k"/> of what is summed over.</summary>
    internal int At(int mn, int k)
    {
        (int lbo, int sbo) = (Leading / ElementBytes, Stride / ElementBytes);
        int element = (Down, Width) switch
        {
            (true, 1) => Place(mn, (T, 1), (1, T), (int.MaxValue, sbo)) + Place(k, (8, T), (int.MaxValue, lbo)),
            (true, _) => Place(mn, (T, 1), (Width, T), (int.MaxValue, lbo)) + Place(k, (8, Width * T), (int.MaxValue, sbo)),
            (false, 1) => Place(mn, (8, T), (int.MaxValue, sbo)) + Place(k, (T, 1), (int.MaxValue, lbo)),
            (false, _) => Place(mn, (8, Width * T), (int.MaxValue, sbo)) + Place(k, (T, 1), (int.MaxValue, T)),
        };
        return Swizzled(Start + (element * ElementBytes));
    }

    /// <summary>An index through nested modes, each a shape and a stride.</summary>
    private static int Place(int index, params (int Shape, int Stride)[] modes)
    {
        int place = 0;
        foreach ((int shape, int stride) in modes)
        {
            place += index % shape * stride;
            index /= shape;
        }

        return place;
    }

    /// <summary>CUTLASS's Swizzle of log2(W) bits, base 4, shift 3; addresses counted from the row where the pattern starts.</summary>
    private int Swizzled(int address)
    {
        int counted = address - (BaseOffset * 128);
        int bits = (Width - 1) << 7;
        return (counted ^ ((counted & bits) >> 3)) + (BaseOffset * 128);
    }

    /// <summary>The last byte of a matrix, plus 1.</summary>
    internal int End(int rows, int depth) =>
        Enumerable.Range(0, rows).Max(mn => Enumerable.Range(0, depth).Max(k => At(mn, k))) + ElementBytes;
}
