using System;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using GptEngine.Runtime.Simulator.Checks;
using GptEngine.Runtime.Simulator.Execution;
using GptEngine.Runtime.Simulator.Memory;
using GptEngine.Runtime.Simulator.Translation;

namespace GptEngine.Runtime.Simulator.Tensor;

/// <summary>
/// wgmma. Each of the four warps computes its own 16 rows when it comes to the product, which the hardware may do at any time up to the
/// wait: what could show the difference is found by bookkeeping (<see cref="ProductRegisters"/>, <see cref="ProductReads"/>). Sums are
/// taken in double and rounded once a product, as mma.sync's. Of A in shared memory a warp reads its own rows alone.
/// A site's operands are A (four registers, or a descriptor's), B's descriptor and the predicate of scale-d; its data the sums.
/// </summary>
internal static unsafe class WarpgroupMultiply
{
    private const int Rows = WarpgroupProduct.WarpRows;

    public static void Fence(Warp warp, int siteIndex)
    {
        Arrive(warp, siteIndex);
        warp.Products.Fence();
    }

    public static void Commit(Warp warp, int siteIndex)
    {
        Arrive(warp, siteIndex);
        warp.Products.Commit();

        // So that the four warps stay together, and what the first has made ready for the others is soon used.
        warp.IsYielding = true;
    }

    public static void Wait(Warp warp, int siteIndex, int pending)
    {
        Arrive(warp, siteIndex);
        warp.Products.Wait(pending);
        warp.Block.UseProducts().Reads.End(warp);
    }

    public static void Run(Warp warp, byte* registers, int siteIndex)
    {
        MemorySite site = warp.Sites[siteIndex];
        WarpgroupProduct product = site.Product!;
        BlockProducts products = warp.Block.UseProducts();
        Warpgroup group = products.Warpgroups[warp.Index / Warpgroup.Warps];
        ulong left = product.IsLeftShared ? Uniform(warp, registers, site, site.Operands[0]) : 0;
        ulong right = Uniform(warp, registers, site, site.Operands[^2]);
        bool adds = Scale(warp, registers, site, product);
        WarpgroupStep step = group.Arrive(warp, site, left, right, adds);
        warp.ProductRegisters.Ask(warp, site, product);

        double* a = stackalloc double[16 * Rows];
        ReadLeft(warp, registers, site, product, left, a);
        int[] places = products.PlacesOf(warp, site, right, product.IsRightDown, product.N);
        products.Reads.Begin(warp, site, places, 0, places.Length);
        bool isFirst = step.Arrived == 1;
        if (isFirst)
        {
            step.Take(product.N * product.Depth);
        }

        fixed (double* b = step.Right)
        {
            if (isFirst)
            {
                WarpgroupOperands.Right(warp.Block.Shared, places, product, b);
                WarpgroupWavefronts.Count(warp, places, product.IsRightDown);
            }

            Multiply(site.Data, registers, a, b, product, adds);
        }

        group.Finish();
    }

    private static void Arrive(Warp warp, int siteIndex)
    {
        Warpgroup group = warp.Block.UseProducts().Warpgroups[warp.Index / Warpgroup.Warps];
        group.Arrive(warp, warp.Sites[siteIndex], 0, 0, false);
        group.Finish();
    }

    private static void ReadLeft(Warp warp, byte* registers, MemorySite site, WarpgroupProduct product, ulong descriptor, double* a)
    {
        if (product.IsLeftShared)
        {
            BlockProducts products = warp.Block.UseProducts();
            int[] places = products.PlacesOf(warp, site, descriptor, product.IsLeftDown, WarpgroupProduct.Rows);
            int from = warp.Index % Warpgroup.Warps * 2 * Rows;
            products.Reads.Begin(warp, site, places, from, 2 * Rows);
            WarpgroupOperands.LeftOfShared(warp.Block.Shared, places, from, product, a);
            WarpgroupWavefronts.Count(warp, places.AsSpan(from, 2 * Rows), product.IsLeftDown);
        }
        else
        {
            WarpgroupOperands.LeftOfRegisters(site.Operands, registers, product.Type, a);
        }

        if (product.IsNegated)
        {
            WarpgroupOperands.Negate(a, product.Depth);
        }
    }

    /// <summary>A descriptor: the same in all lanes.</summary>
    private static ulong Uniform(Warp warp, byte* registers, MemorySite site, Row row)
    {
        var lanes = new ReadOnlySpan<ulong>(row.At(registers), Warp.Lanes);
        if (lanes.ContainsAnyExcept(lanes[0]))
        {
            warp.Block.Report(FindingKind.WarpgroupDivergence, warp.ThreadOf(0), site, "a matrix descriptor is not the same in all lanes.");
        }

        return lanes[0];
    }

    private static bool Scale(Warp warp, byte* registers, MemorySite site, WarpgroupProduct product)
    {
        uint lanes = *(uint*)site.Operands[^1].At(registers);
        if (lanes is not (0 or uint.MaxValue))
        {
            warp.Block.Report(FindingKind.WarpgroupDivergence, warp.ThreadOf(0), site, "the predicate scale-d is not the same in all lanes.");
        }

        return (lanes & 1) != 0 != product.IsScaleNegated;
    }

    /// <summary>D = A·B, or A·B + D: 16 rows, eight columns at a time.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Multiply(Row[] sums, byte* registers, double* a, double* b, WarpgroupProduct product, bool adds)
    {
        int depth = product.Depth;
        for (int column = 0; column < product.N / 8; column++)
        {
            for (int half = 0; half < 2; half++)
            {
                byte* even = sums[(4 * column) + (2 * half)].At(registers);
                byte* odd = sums[(4 * column) + (2 * half) + 1].At(registers);
                Rows8(a + (8 * half), b + (column * depth * 8), depth, (float*)even, (float*)odd, adds);
            }
        }
    }

    /// <summary>Eight rows of eight columns, each row's in a vector.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Rows8(double* a, double* b, int depth, float* even, float* odd, bool adds)
    {
        Vector512<double> r0 = default, r1 = default, r2 = default, r3 = default, r4 = default, r5 = default, r6 = default, r7 = default;
        for (int k = 0; k < depth; k++, a += Rows, b += 8)
        {
            // Products of 16-bit values and of tf32 are exact in double: it does not matter whether the addition is fused.
            Vector512<double> line = Vector512.Load(b);
            r0 = Vector512.MultiplyAddEstimate(Vector512.Create(a[0]), line, r0);
            r1 = Vector512.MultiplyAddEstimate(Vector512.Create(a[1]), line, r1);
            r2 = Vector512.MultiplyAddEstimate(Vector512.Create(a[2]), line, r2);
            r3 = Vector512.MultiplyAddEstimate(Vector512.Create(a[3]), line, r3);
            r4 = Vector512.MultiplyAddEstimate(Vector512.Create(a[4]), line, r4);
            r5 = Vector512.MultiplyAddEstimate(Vector512.Create(a[5]), line, r5);
            r6 = Vector512.MultiplyAddEstimate(Vector512.Create(a[6]), line, r6);
            r7 = Vector512.MultiplyAddEstimate(Vector512.Create(a[7]), line, r7);
        }

        Add(r0, even, odd, adds);
        Add(r1, even + 4, odd + 4, adds);
        Add(r2, even + 8, odd + 8, adds);
        Add(r3, even + 12, odd + 12, adds);
        Add(r4, even + 16, odd + 16, adds);
        Add(r5, even + 20, odd + 20, adds);
        Add(r6, even + 24, odd + 24, adds);
        Add(r7, even + 28, odd + 28, adds);
    }

    /// <summary>A row's sums: its even columns in four lanes of one register, its odd ones in those of the next.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Add(Vector512<double> row, float* even, float* odd, bool adds)
    {
        if (adds)
        {
            row += Vector512.WidenLower(Vector256.Create(Vector128.Load(even), Vector128.Load(odd)).ToVector512());
        }

        Vector256<float> rounded = Vector512.Narrow(row, row).GetLower();
        rounded.GetLower().Store(even);
        rounded.GetUpper().Store(odd);
    }
}
