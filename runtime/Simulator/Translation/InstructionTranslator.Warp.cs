using GptEngine.Runtime.Simulator.Counters;
using GptEngine.Runtime.Simulator.Execution;
using GptEngine.Runtime.Simulator.Memory;
using GptEngine.Runtime.Simulator.Operations;
using GptEngine.Runtime.Simulator.Ptx;

namespace GptEngine.Runtime.Simulator.Translation;

/// <summary>What lanes of a warp do together.</summary>
internal sealed unsafe partial class InstructionTranslator
{
    private bool TranslateWarp(PtxInstruction i)
    {
        switch (i.Opcode)
        {
            case "shfl" when i.Has("sync"):
                return Shuffle(i);
            case "vote" when i.Has("sync"):
                return Vote(i);
            case "match" when i.Has("sync"):
                return Match(i);
            case "elect" when i.Has("sync"):
                InstructionModes.RequireKnown(kernel, i, "sync");
                Exchange(i, nameof(WarpExchange.Elect), 0, OperationMode.None, 0, [Source(i, 1, PtxType.B32)]);
                return true;
            case "redux" when i.Has("sync"):
                return Reduce(i);
            case "bar" or "barrier" when i.Has("warp"):
                return SynchronizeWarp(i);
            case "activemask":
                Count(InstructionClass.Warp);
                _code.Pointer(Destination(i)).Mask().Call(Static(typeof(WarpExchange), nameof(WarpExchange.ActiveMask)));
                return true;
            default:
                return false;
        }
    }

    private bool Shuffle(PtxInstruction i)
    {
        InstructionModes.RequireKnown(kernel, i, "sync up down bfly idx");
        int mode = i.Has("up") ? WarpExchange.Up : i.Has("down") ? WarpExchange.Down : i.Has("bfly") ? WarpExchange.Butterfly : WarpExchange.Index;
        Row[] operands = [Source(i, 1, PtxType.B32), Source(i, 2, PtxType.B32), Source(i, 3, PtxType.B32), Source(i, 4, PtxType.B32)];
        Exchange(i, nameof(WarpExchange.Shuffle), mode, OperationMode.None, 0, operands);
        return true;
    }

    private bool Vote(PtxInstruction i)
    {
        InstructionModes.RequireKnown(kernel, i, "sync all any uni ballot");
        int mode = i.Has("all") ? WarpExchange.All : i.Has("any") ? WarpExchange.Any : i.Has("uni") ? WarpExchange.Uniform : WarpExchange.Ballot;
        (Row predicate, bool negated) = Predicate(i, Operand(i, 1));
        Exchange(i, nameof(WarpExchange.Vote), mode, negated ? OperationMode.RoundNearestEven : OperationMode.None, 0, [predicate, Source(i, 2, PtxType.B32)]);
        return true;
    }

    private bool Match(PtxInstruction i)
    {
        InstructionModes.RequireKnown(kernel, i, "sync any all");
        PtxType type = TypeOf(i);
        int mode = i.Has("all") ? WarpExchange.All : WarpExchange.Any;
        Exchange(i, nameof(WarpExchange.Match), mode, OperationMode.None, 0, [Source(i, 1, type), Source(i, 2, PtxType.B32)]);
        return true;
    }

    private bool Reduce(PtxInstruction i)
    {
        InstructionModes.RequireKnown(kernel, i, "sync add min max and or xor");
        PtxType type = TypeOf(i);
        if (type.Size() != 4 || type.IsFloat())
        {
            return false;
        }

        nint function = i.Has("add") ? F(&IntegerFunctions.Add)
            : i.Has("min") ? F(&IntegerFunctions.Minimum)
            : i.Has("max") ? F(&IntegerFunctions.Maximum)
            : i.Has("and") ? F(&BitFieldFunctions.And)
            : i.Has("or") ? F(&BitFieldFunctions.Or)
            : F(&BitFieldFunctions.Xor);
        var mode = (OperationMode)IntegerFunctions.TypeBits(4, type.IsSigned());
        Exchange(i, nameof(WarpExchange.Reduce), 0, mode, function, [Source(i, 1, type), Source(i, 2, PtxType.B32)]);
        return true;
    }

    private bool SynchronizeWarp(PtxInstruction i)
    {
        InstructionModes.RequireKnown(kernel, i, "warp sync");
        Count(InstructionClass.Barrier);
        WaitFor(i, [], [Source(i, 0, PtxType.B32)], 0, OperationMode.None, 0);
        _code.Warp().Mask().Call(Static(typeof(WarpExchange), nameof(WarpExchange.Synchronize)));
        return true;
    }

    private void Exchange(PtxInstruction i, string method, int detail, OperationMode mode, nint function, Row[] operands)
    {
        Count(InstructionClass.Warp);
        PtxOperand target = Operand(i, 0);
        Row[] data = target.Kind == PtxOperandKind.Pair
            ? [Destination(i, target.Elements[0]), Destination(i, target.Elements[1])]
            : [Destination(i, target)];
        MemorySite site = WaitFor(i, data, operands, detail, mode, function);
        _code.Warp().Registers().Integer(site.Index).Mask().Call(Static(typeof(WarpExchange), method));
    }

    /// <summary>The block's first instruction waits for lanes: the last operand is the mask.</summary>
    private MemorySite WaitFor(PtxInstruction i, Row[] data, Row[] operands, int detail, OperationMode mode, nint function)
    {
        MemorySite site = kernel.AddSite(index => new MemorySite
        {
            Index = index,
            Instruction = i,
            Data = data,
            Operands = operands,
            Detail = detail,
            Mode = mode,
            Function = function,
            GuardOffset = i.Guard is null ? -1 : (int)kernel.Registers.RowOf(i.Guard).Place,
        });
        _block.SyncSite = site;
        return site;
    }
}
