using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using GptEngine.Runtime.Simulator.Execution;
using GptEngine.Runtime.Simulator.Translation;

namespace GptEngine.Runtime.Simulator.Tensor;

/// <summary>
/// Operands of warpgroup products to doubles. A is kept by places of what is summed over, 16 rows each; B by eights of columns, in each by
/// places of what is summed over, of eight columns first the even ones, then the odd ones: so lie the sums in their registers.
/// </summary>
internal static unsafe class WarpgroupOperands
{
    private const int Lines = WarpgroupProduct.WarpRows;

    /// <summary>A of four registers: as mma.m16n8k16's and m16n8k8's of tf32.</summary>
    internal static void LeftOfRegisters(Row[] rows, byte* registers, ProductType type, double* a)
    {
        double* tile = stackalloc double[64];
        for (int r = 0; r < 4; r++)
        {
            byte* row = rows[r].At(registers);
            int top = 8 * (r & 1);
            if (type == ProductType.TensorFloat32)
            {
                FragmentConversion.TensorFloat32s(row, tile);
                for (int lane = 0; lane < Warp.Lanes; lane++)
                {
                    a[(((lane % 4) + (4 * (r >> 1))) * Lines) + top + (lane / 4)] = tile[lane];
                }

                continue;
            }

            if (type == ProductType.BFloat16)
            {
                FragmentConversion.BFloat16s(row, tile);
            }
            else
            {
                FragmentConversion.Halves(row, tile);
            }

            for (int i = 0; i < 64; i++)
            {
                a[(((i % 8) + (8 * (r >> 1))) * Lines) + top + (i / 8)] = tile[i];
            }
        }
    }

    /// <summary>A of 32 chunks of shared memory, a warp's own 16 rows.</summary>
    internal static void LeftOfShared(byte* shared, int[] places, int from, WarpgroupProduct product, double* a)
    {
        int values = product.Depth / 2;
        for (int i = 0; i < 2 * Lines; i++)
        {
            Vector512<double> chunk = Chunk(shared + places[from + i], product.Type);
            if (product.IsLeftDown)
            {
                chunk.Store(a + (i % 16 * Lines) + (8 * (i / 16)));
                continue;
            }

            for (int k = 0; k < values; k++)
            {
                a[(((i % 2 * values) + k) * Lines) + (i / 2)] = chunk.GetElement(k);
            }
        }
    }

    internal static void Negate(double* a, int depth)
    {
        for (int i = 0; i < depth * Lines; i++)
        {
            a[i] = -a[i];
        }
    }

    /// <summary>B of shared memory.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal static void Right(byte* shared, int[] places, WarpgroupProduct product, double* b)
    {
        if (product.IsRightDown)
        {
            Vector512<long> evenFirst = Vector512.Create(0L, 2, 4, 6, 1, 3, 5, 7);
            for (int i = 0; i < places.Length; i++)
            {
                Vector512.Shuffle(Chunk(shared + places[i], product.Type), evenFirst).Store(b + (8 * i));
            }

            return;
        }

        int values = product.Depth / 2;
        double* chunk = stackalloc double[8];
        for (int i = 0; i < places.Length; i++)
        {
            Chunk(shared + places[i], product.Type).Store(chunk);
            int column = i / 2 % 8;
            double* target = b + (i / 16 * 8 * product.Depth) + (i % 2 * values * 8) + (column / 2) + (4 * (column & 1));
            for (int k = 0; k < values; k++)
            {
                target[8 * k] = chunk[k];
            }
        }
    }

    /// <summary>Eight values of 16 bits, or four of 32 in the lower half.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<double> Chunk(byte* place, ProductType type) => type switch
    {
        ProductType.Half => FragmentConversion.EightHalves((ushort*)place),
        ProductType.BFloat16 => FragmentConversion.EightBFloat16s((ushort*)place),
        _ => FragmentConversion.FourTensorFloat32s((uint*)place),
    };
}
