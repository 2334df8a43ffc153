using GptEngine.Runtime.Simulator.Counters;
using GptEngine.Runtime.Simulator.Execution;
using GptEngine.Runtime.Simulator.Memory;
using GptEngine.Runtime.Simulator.Ptx;

namespace GptEngine.Runtime.Simulator.Translation;

/// <summary>Barriers of the block, fences, and what ends or delays a thread.</summary>
internal sealed partial class InstructionTranslator
{
    private bool TranslateControl(PtxInstruction i)
    {
        switch (i.Opcode)
        {
            case "bar" or "barrier" when ControlFlow.SyncOf(i) == SyncKind.Barrier:
                return BlockBarrier(i);
            case "fence" when i.Has("proxy"):
                return FenceProxy(i);
            case "membar" or "fence":
                InstructionModes.RequireKnown(kernel, i, "cta cluster gpu sys gl sc acq_rel acquire release mbarrier_init");
                Count(InstructionClass.Barrier);
                _code.Warp().Integer(i.Has("cta") ? 0 : 1).Mask().Call(Static(typeof(Synchronization), nameof(Synchronization.Fence)));
                return true;
            case "trap" or "brkpt":
                return Trap(i);
            case "nanosleep":
                Count(InstructionClass.Other);
                _block.MaySpin = true;
                return true;
            case "prefetch" or "prefetchu" or "pmevent" or "discard" or "applypriority" or "griddepcontrol" or "setmaxnreg":
                // Hints: they change when data is near, not what it is.
                Count(InstructionClass.Other);
                return true;
            case "createpolicy":
                Count(InstructionClass.Other);
                CopyRow(Destination(i), kernel.Constants.Get(0, 8));
                return true;
            default:
                return false;
        }
    }

    private bool BlockBarrier(PtxInstruction i)
    {
        InstructionModes.RequireKnown(kernel, i, "cta sync arrive red aligned popc and or");
        Count(InstructionClass.Barrier);
        if (i.Guard is not null)
        {
            throw kernel.Unsupported(i, "a block barrier under a guard");
        }

        bool reduces = i.Has("red");
        int start = reduces ? 1 : 0;
        bool aligned = i.Opcode == "bar" || i.Has("aligned");
        bool hasCount = i.Operands.Count > (reduces ? 3 : 1);
        (Row predicate, bool negated) = reduces ? Predicate(i, i.Operands[^1]) : (Row.Sink, false);
        int result = i.Has("popc") ? BlockBarriers.PopulationCount : i.Has("or") ? BlockBarriers.Or : BlockBarriers.And;
        _block.SyncSite = kernel.AddSite(index => new MemorySite
        {
            Index = index,
            Instruction = i,
            Operands =
            [
                Source(i, start, PtxType.U32),
                hasCount ? Source(i, start + 1, PtxType.U32) : Row.Sink,
                predicate,
            ],
            Data = [reduces ? Destination(i) : Row.Sink],
            Mode = negated ? Operations.OperationMode.RoundNearestEven : Operations.OperationMode.None,
            Detail = (i.Has("arrive") ? BlockBarriers.Arrive : reduces ? BlockBarriers.Reduce : BlockBarriers.Sync)
                | (aligned ? BlockBarriers.Aligned : 0) | (reduces ? result : 0),
        });
        return true;
    }

    private bool Trap(PtxInstruction i)
    {
        Count(InstructionClass.Control);
        MemorySite site = kernel.AddSite(index => new MemorySite { Index = index, Instruction = i });
        _code.Warp().Integer(site.Index).Mask().Call(Static(typeof(WarpOperations), nameof(WarpOperations.Trap)));
        return true;
    }
}
