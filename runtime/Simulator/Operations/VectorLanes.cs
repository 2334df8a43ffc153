using System;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace GptEngine.Runtime.Simulator.Operations;

/// <summary>Runs vector operations over the rows of a warp: whole registers where all lanes are active, blends where some are not.</summary>
internal static unsafe class VectorLanes
{
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Unary<TOperation, T>(byte* d, byte* a, uint mask)
        where TOperation : struct, IVectorUnary<T>
        where T : unmanaged
    {
        for (int at = 0; at < 32 * sizeof(T); at += 64)
        {
            Store(d, at, TOperation.Apply(Vector512.Load((T*)(a + at))), mask);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Binary<TOperation, T>(byte* d, byte* a, byte* b, uint mask)
        where TOperation : struct, IVectorBinary<T>
        where T : unmanaged
    {
        for (int at = 0; at < 32 * sizeof(T); at += 64)
        {
            Store(d, at, TOperation.Apply(Vector512.Load((T*)(a + at)), Vector512.Load((T*)(b + at))), mask);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Ternary<TOperation, T>(byte* d, byte* a, byte* b, byte* c, uint mask)
        where TOperation : struct, IVectorTernary<T>
        where T : unmanaged
    {
        for (int at = 0; at < 32 * sizeof(T); at += 64)
        {
            Store(d, at, TOperation.Apply(Vector512.Load((T*)(a + at)), Vector512.Load((T*)(b + at)), Vector512.Load((T*)(c + at))), mask);
        }
    }

    /// <summary>selp: a where the predicate is set, else b.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Select<T>(byte* d, byte* a, byte* b, uint predicate, uint mask)
        where T : unmanaged
    {
        for (int at = 0; at < 32 * sizeof(T); at += 64)
        {
            Vector512<T> chosen = Expand<T>(predicate, at);
            Store(d, at, Vector512.ConditionalSelect(chosen, Vector512.Load((T*)(a + at)), Vector512.Load((T*)(b + at))), mask);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static void Store<T>(byte* d, int at, Vector512<T> value, uint mask)
        where T : unmanaged
    {
        if (mask != uint.MaxValue)
        {
            value = Vector512.ConditionalSelect(Expand<T>(mask, at), value, Vector512.Load((T*)(d + at)));
        }

        value.Store((T*)(d + at));
    }

    /// <summary>All ones in the lanes whose bit is set; the vector starts at byte <paramref name="at"/> of its row.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static Vector512<T> Expand<T>(uint bits, int at)
        where T : unmanaged
    {
        if (sizeof(T) == 4)
        {
            Vector512<uint> select = Vector512.Create(1u, 1u << 1, 1u << 2, 1u << 3, 1u << 4, 1u << 5, 1u << 6, 1u << 7, 1u << 8, 1u << 9, 1u << 10, 1u << 11, 1u << 12, 1u << 13, 1u << 14, 1u << 15);
            return Vector512.Equals(Vector512.Create(bits >> (at / 4)) & select, select).As<uint, T>();
        }

        if (sizeof(T) == 8)
        {
            Vector512<ulong> select = Vector512.Create(1ul, 2, 4, 8, 16, 32, 64, 128);
            return Vector512.Equals(Vector512.Create((ulong)(bits >> (at / 8))) & select, select).As<ulong, T>();
        }

        if (sizeof(T) == 2)
        {
            Vector512<ushort> select = Vector512.Create(Vector256.Create((ushort)1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384, 32768));
            Vector512<ushort> spread = Vector512.Create(Vector256.Create((ushort)bits), Vector256.Create((ushort)(bits >> 16)));
            return Vector512.Equals(spread & select, select).As<ushort, T>();
        }

        throw new NotSupportedException($"rows of {sizeof(T)} bytes a lane");
    }
}
