using System.Globalization;
using System.Linq;
using System.Numerics;
using System.Runtime.Intrinsics;
using System.Text;
using GptEngine.Runtime.Simulator.Checks;
using GptEngine.Runtime.Simulator.Memory;

using GptEngine.Runtime.Simulator.Translation;

namespace GptEngine.Runtime.Simulator.Execution;

/// <summary>Instructions that several lanes of a warp execute together: who must come, who never will.</summary>
internal static unsafe class WarpConvergence
{
    /// <summary>
    /// Lets a split pass its block's first instruction if all lanes that it needs are there. A split that has more lanes than are ready
    /// is divided. Otherwise it is put to wait.
    /// </summary>
    internal static bool TryPass(Warp warp, int at, BasicBlock block)
    {
        ref Split split = ref warp.Splits[at];
        MemorySite site = block.SyncSite!;
        switch (block.Sync)
        {
            case SyncKind.Warp:
                return PassWhole(warp, ref split, site, warp.Existing);
            case SyncKind.Barrier:
                return BlockBarriers.TryArrive(warp, at, site);
            default:
                return PassNamed(warp, at, site);
        }
    }

    /// <summary>
    /// Called when no split of the warp is ready. Says what is wrong where lanes of the same warp wait for each other; returns true
    /// where the warp can go on all the same.
    /// </summary>
    internal static bool Release(Warp warp)
    {
        for (int i = 0; i < warp.SplitCount; i++)
        {
            Split split = warp.Splits[i];
            if (split.State is SplitState.WaitsToArrive or SplitState.WaitsForLanes)
            {
                MemorySite site = warp.Kernel.Blocks[split.Block].SyncSite!;
                bool barrier = split.State == SplitState.WaitsToArrive;
                throw warp.Block.Fail(
                    barrier ? FindingKind.BarrierDivergence : FindingKind.Deadlock,
                    warp.ThreadOf(BitOperations.TrailingZeroCount(split.Mask)),
                    site,
                    $"{(barrier ? "a barrier" : "a warp-wide instruction")} is reached by lanes 0x{split.Mask:x8} of the warp alone: {WhereOthersAre(warp, i)}.");
            }
        }

        return false;
    }

    private static bool PassWhole(Warp warp, ref Split split, MemorySite site, uint needed)
    {
        if (split.Mask == needed)
        {
            split.Passed = true;
            return true;
        }

        uint gone = needed & ~warp.Live;
        if (gone != 0)
        {
            throw warp.Block.Fail(
                FindingKind.WrongLaneMask,
                warp.ThreadOf(BitOperations.TrailingZeroCount(split.Mask)),
                site,
                $"a warp-wide instruction needs lanes 0x{gone:x8}, which have ended.");
        }

        split.State = SplitState.WaitsForLanes;
        return false;
    }

    /// <summary>Every lane brings its own mask; those whose named lanes are all here pass.</summary>
    private static bool PassNamed(Warp warp, int at, MemorySite site)
    {
        ref Split split = ref warp.Splits[at];
        Row row = site.Operands[^1];
        uint* masks = (uint*)row.At(warp.Registers);
        if (site.Instruction.Guard is not null)
        {
            // A guarded shuffle is one that only the lanes whose guard holds take part in.
            return PassGuarded(warp, at, site);
        }

        if (split.Mask == uint.MaxValue
            && Vector512.EqualsAll(Vector512.Load(masks) & Vector512.Load(masks + 16), Vector512<uint>.AllBitsSet))
        {
            split.Passed = true;
            return true;
        }

        uint ready = 0;
        for (uint rest = split.Mask; rest != 0; rest &= rest - 1)
        {
            int lane = BitOperations.TrailingZeroCount(rest);
            uint named = masks[lane];
            CheckMask(warp, site, lane, named);
            ready |= (named & ~split.Mask) == 0 ? 1u << lane : 0;
        }

        return Divide(warp, at, ready);
    }

    private static bool PassGuarded(Warp warp, int at, MemorySite site)
    {
        ref Split split = ref warp.Splits[at];
        uint* masks = (uint*)site.Operands[^1].At(warp.Registers);
        uint guard = *(uint*)(warp.Registers + site.GuardOffset);
        uint taking = split.Mask & (site.Instruction.GuardNegated ? ~guard : guard);
        uint ready = split.Mask & ~taking;
        for (uint rest = taking; rest != 0; rest &= rest - 1)
        {
            int lane = BitOperations.TrailingZeroCount(rest);
            CheckMask(warp, site, lane, masks[lane]);
            ready |= (masks[lane] & ~taking) == 0 ? 1u << lane : 0;
        }

        return Divide(warp, at, ready);
    }

    private static void CheckMask(Warp warp, MemorySite site, int lane, uint named)
    {
        if (((named >> lane) & 1) == 0)
        {
            throw warp.Block.Fail(
                FindingKind.WrongLaneMask,
                warp.ThreadOf(lane),
                site,
                string.Create(CultureInfo.InvariantCulture, $"lane {lane} executes it with the mask 0x{named:x8}, which does not name that lane."));
        }

        uint gone = named & ~warp.Live;
        if (gone != 0)
        {
            throw warp.Block.Fail(
                FindingKind.WrongLaneMask,
                warp.ThreadOf(lane),
                site,
                $"the mask 0x{named:x8} names lanes 0x{gone:x8}, which have ended or do not exist.");
        }
    }

    private static bool Divide(Warp warp, int at, uint ready)
    {
        ref Split split = ref warp.Splits[at];
        if (ready == 0)
        {
            split.State = SplitState.WaitsForLanes;
            return false;
        }

        if (ready != split.Mask)
        {
            warp.Splits[warp.SplitCount++] = new Split
            {
                Block = split.Block,
                Mask = split.Mask & ~ready,
                State = SplitState.WaitsForLanes,
                LastRun = split.LastRun,
            };
            split.Mask = ready;
        }

        split.Passed = true;
        return true;
    }

    private static string WhereOthersAre(Warp warp, int except)
    {
        var text = new StringBuilder();
        for (int i = 0; i < warp.SplitCount; i++)
        {
            if (i != except)
            {
                BasicBlock block = warp.Kernel.Blocks[warp.Splits[i].Block];
                string place = block.SyncSite?.Describe() ?? block.Instructions.FirstOrDefault()?.Place ?? "the end";
                text.Append(CultureInfo.InvariantCulture, $"{(text.Length > 0 ? ", " : "")}lanes 0x{warp.Splits[i].Mask:x8} wait at {place}");
            }
        }

        uint gone = warp.Existing & ~warp.Live;
        if (gone != 0)
        {
            text.Append(CultureInfo.InvariantCulture, $"{(text.Length > 0 ? ", " : "")}lanes 0x{gone:x8} have ended");
        }

        return text.ToString();
    }
}
