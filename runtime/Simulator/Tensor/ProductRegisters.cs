using System;
using System.Linq;
using GptEngine.Runtime.Simulator.Checks;
using GptEngine.Runtime.Simulator.Execution;
using GptEngine.Runtime.Simulator.Memory;

namespace GptEngine.Runtime.Simulator.Tensor;

/// <summary>
/// What a warp's products under way do to its registers. A product's sums, and its A where that is in registers, may not be touched
/// between the product and the wait for its group; what is written to them is not seen by a product without a wgmma.fence between. Sums of
/// products of one shape may follow each other without either. A move from register to register is no touch: it is the compiler's name
/// for the same register, and hands on what is known of it; nor is setting a constant, which the compiler puts where it likes.
/// </summary>
internal sealed class ProductRegisters(int count)
{
    /// <summary>What is known of one register.</summary>
    private struct State
    {
        /// <summary>wgmma.fence executed when it was last written by another instruction, plus 1; 0 for never.</summary>
        internal int Written;

        /// <summary>The group of the last product that it has sums of; 0 for none.</summary>
        internal int SumsOf;

        /// <summary>Whether those have another register now.</summary>
        internal bool IsMoved;

        /// <summary>Columns of that product, and the fences before it.</summary>
        internal int Columns;

        internal int Fences;

        /// <summary>The group of the last product that reads it as A; 0 for none.</summary>
        internal int ReadBy;

        /// <summary>The product's site.</summary>
        internal int Site;
    }

    private readonly State[] _states = new State[count];

    internal void Clear() => Array.Clear(_states);

    /// <summary>An instruction other than a move or a product, which touches registers.</summary>
    public static void Touch(Warp warp, int siteIndex, uint mask)
    {
        if (mask != 0)
        {
            MemorySite site = warp.Sites[siteIndex];
            warp.ProductRegisters.Touch(warp, site, site.Access!);
        }
    }

    /// <summary>A move from one register to another; from −1 where a constant is set.</summary>
    public static void Move(Warp warp, int siteIndex, int to, int from, uint mask)
    {
        if (mask == 0)
        {
            return;
        }

        State[] states = warp.ProductRegisters._states;
        if (warp.Products.IsUnderWay(states[to].ReadBy))
        {
            ReportWrite(warp, warp.Sites[siteIndex], states[to].Site);
        }

        if (from < 0)
        {
            states[to] = default;
            return;
        }

        states[from].IsMoved = true;
        states[to] = states[from] with { IsMoved = false, ReadBy = 0 };
    }

    /// <summary>A product asks for its registers.</summary>
    internal void Ask(Warp warp, MemorySite site, WarpgroupProduct product)
    {
        ProductGroups groups = warp.Products;
        if (groups.Fences == 0)
        {
            ReportFence(warp, site, "is the warp's first, and no wgmma.fence came before.");
        }

        foreach (int register in product.Left)
        {
            ref State state = ref _states[register];
            if (groups.IsUnderWay(state.SumsOf))
            {
                ReportRead(warp, site, state.Site);
            }

            if (state.Written > groups.Fences)
            {
                ReportFence(warp, site, "reads registers of A that were written with no wgmma.fence since.");
            }

            state.ReadBy = groups.Open;
            state.Site = site.Index;
        }

        foreach (int register in product.Sums)
        {
            ref State state = ref _states[register];
            if (state.Written > groups.Fences)
            {
                ReportFence(warp, site, "has sums that were written with no wgmma.fence since.");
            }
            else if (state.SumsOf != 0 && state.Columns != product.N && state.Fences == groups.Fences)
            {
                ReportFence(warp, site, $"adds to the sums of a product of {state.Columns} columns with no wgmma.fence between.");
            }

            if (groups.IsUnderWay(state.ReadBy))
            {
                ReportWrite(warp, site, state.Site);
            }

            state = new State { SumsOf = groups.Open, Columns = product.N, Fences = groups.Fences, Site = site.Index };
        }
    }

    private void Touch(Warp warp, MemorySite site, ProductAccess access)
    {
        ProductGroups groups = warp.Products;
        foreach (int register in access.Reads)
        {
            ref State state = ref _states[register];
            if (groups.IsUnderWay(state.SumsOf) || groups.IsUnderWay(state.ReadBy))
            {
                ReportRead(warp, site, state.Site);
            }
        }

        foreach (int register in access.Writes)
        {
            ref State state = ref _states[register];
            if ((groups.IsUnderWay(state.SumsOf) && !state.IsMoved && !access.Reads.Contains(register)) || groups.IsUnderWay(state.ReadBy))
            {
                ReportWrite(warp, site, state.Site);
            }

            state = new State { Written = groups.Fences + 1 };
        }
    }

    private static void ReportRead(Warp warp, MemorySite site, int product) => Report(warp, site, product, "reads");

    private static void ReportWrite(Warp warp, MemorySite site, int product) => Report(warp, site, product, "overwrites");

    private static void Report(Warp warp, MemorySite site, int product, string deed) => warp.Block.Report(
        FindingKind.ProductNotWaitedFor,
        warp.ThreadOf(0),
        site,
        $"it {deed} registers of a warpgroup product whose group was not waited for.",
        product,
        warp.Block.Describe(warp.ThreadOf(0), product));

    private static void ReportFence(Warp warp, MemorySite site, string what) =>
        warp.Block.Report(FindingKind.ProductNotFenced, warp.ThreadOf(0), site, $"the warpgroup product {what}");
}
