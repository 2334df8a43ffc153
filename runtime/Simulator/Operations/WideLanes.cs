using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace GptEngine.Runtime.Simulator.Operations;

/// <summary>Operations between 32- and 64-bit rows, and shifts by a constant: what address arithmetic is made of.</summary>
internal static unsafe class WideLanes
{
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void MultiplySigned(byte* d, byte* a, byte* b, uint mask)
    {
        for (int at = 0; at < 256; at += 64)
        {
            VectorLanes.Store(d, at, WidenSigned(a, at) * WidenSigned(b, at), mask);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void MultiplyUnsigned(byte* d, byte* a, byte* b, uint mask)
    {
        for (int at = 0; at < 256; at += 64)
        {
            VectorLanes.Store(d, at, WidenUnsigned(a, at) * WidenUnsigned(b, at), mask);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void MultiplyAddSigned(byte* d, byte* a, byte* b, byte* c, uint mask)
    {
        for (int at = 0; at < 256; at += 64)
        {
            VectorLanes.Store(d, at, (WidenSigned(a, at) * WidenSigned(b, at)) + Vector512.Load((long*)(c + at)), mask);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void MultiplyAddUnsigned(byte* d, byte* a, byte* b, byte* c, uint mask)
    {
        for (int at = 0; at < 256; at += 64)
        {
            VectorLanes.Store(d, at, (WidenUnsigned(a, at) * WidenUnsigned(b, at)) + Vector512.Load((ulong*)(c + at)), mask);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void ExtendSigned(byte* d, byte* a, uint mask)
    {
        for (int at = 0; at < 256; at += 64)
        {
            VectorLanes.Store(d, at, WidenSigned(a, at), mask);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void ExtendUnsigned(byte* d, byte* a, uint mask)
    {
        for (int at = 0; at < 256; at += 64)
        {
            VectorLanes.Store(d, at, WidenUnsigned(a, at), mask);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Truncate(byte* d, byte* a, uint mask)
    {
        for (int at = 0; at < 128; at += 64)
        {
            VectorLanes.Store(d, at, Vector512.Narrow(Vector512.Load((ulong*)(a + (2 * at))), Vector512.Load((ulong*)(a + (2 * at) + 64))), mask);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void ConvertToSingle(byte* d, byte* a, uint mask)
    {
        for (int at = 0; at < 128; at += 64)
        {
            VectorLanes.Store(d, at, Vector512.ConvertToSingle(Vector512.Load((int*)(a + at))), mask);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void ShiftLeft<T>(byte* d, byte* a, int count, uint mask)
        where T : unmanaged
    {
        for (int at = 0; at < 32 * sizeof(T); at += 64)
        {
            VectorLanes.Store(d, at, Vector512.Load((T*)(a + at)) << count, mask);
        }
    }

    /// <summary>Arithmetic where the type is signed.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void ShiftRight<T>(byte* d, byte* a, int count, uint mask)
        where T : unmanaged
    {
        for (int at = 0; at < 32 * sizeof(T); at += 64)
        {
            VectorLanes.Store(d, at, Vector512.Load((T*)(a + at)) >> count, mask);
        }
    }

    /// <summary>Puts a narrow row into the bits of a wide one from <paramref name="shift"/> on: packing a vector into a register.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Insert(byte* d, int dSize, byte* a, int aSize, int shift, uint mask)
    {
        ulong field = (aSize == 8 ? ulong.MaxValue : (1ul << (8 * aSize)) - 1) << shift;
        for (int lane = 0; lane < 32; lane++)
        {
            if (((mask >> lane) & 1) != 0)
            {
                ulong before = BitLanes.Read(d, dSize, lane);
                BitLanes.Write(d, dSize, lane, (before & ~field) | ((BitLanes.Read(a, aSize, lane) << shift) & field));
            }
        }
    }

    /// <summary>Takes a narrow row out of a wide one: unpacking.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Extract(byte* d, int dSize, byte* a, int aSize, int shift, uint mask)
    {
        for (int lane = 0; lane < 32; lane++)
        {
            if (((mask >> lane) & 1) != 0)
            {
                BitLanes.Write(d, dSize, lane, BitLanes.Read(a, aSize, lane) >> shift);
            }
        }
    }

    private static Vector512<long> WidenSigned(byte* row, int at) => Vector512.WidenLower(Vector256.Load((int*)(row + (at / 2))).ToVector512());

    private static Vector512<ulong> WidenUnsigned(byte* row, int at) => Vector512.WidenLower(Vector256.Load((uint*)(row + (at / 2))).ToVector512());
}
