using GptEngine.Runtime.Simulator.Counters;
using GptEngine.Runtime.Simulator.Memory;
using GptEngine.Runtime.Simulator.Operations;
using GptEngine.Runtime.Simulator.Ptx;

namespace GptEngine.Runtime.Simulator.Translation;

/// <summary>cp.async, bulk copies into shared memory, and mbarrier. Other bulk and tensor copies are not simulated, and say so.</summary>
internal sealed partial class InstructionTranslator
{
    private bool TranslateAsync(PtxInstruction i)
    {
        if (i.Opcode == "mbarrier")
        {
            return MemoryBarrier(i);
        }

        if (i.Opcode != "cp" || !i.Has("async"))
        {
            return false;
        }

        if (i.Has("bulk"))
        {
            return BulkCopy(i);
        }

        Count(InstructionClass.AsyncCopy);
        if (i.Has("commit_group"))
        {
            _code.Warp().Mask().Call(Static(typeof(AsyncCopyOperations), nameof(AsyncCopyOperations.Commit)));
            return true;
        }

        if (i.Has("wait_group") || i.Has("wait_all"))
        {
            int pending = i.Has("wait_all") ? -1 : (int)ImmediateOf(i, 0);
            _code.Warp().Integer(pending).Mask().Call(Static(typeof(AsyncCopyOperations), nameof(AsyncCopyOperations.Wait)));
            return true;
        }

        return i.Has("mbarrier") ? ArriveWithCopies(i) : Copy(i);
    }

    private bool Copy(PtxInstruction i)
    {
        foreach (string modifier in i.Modifiers)
        {
            if (modifier is not ("async" or "ca" or "cg" or "shared" or "shared::cta" or "global") && !modifier.StartsWith("L2::", System.StringComparison.Ordinal))
            {
                return false;
            }
        }

        int bytes = (int)ImmediateOf(i, 2);
        if (bytes is not (4 or 8 or 16) || (i.Has("cg") && bytes != 16))
        {
            throw kernel.Unsupported(i, $"a copy of {bytes} bytes");
        }

        bool hasPolicy = i.Has("L2::cache_hint");
        bool hasSize = i.Operands.Count > (hasPolicy ? 4 : 3);
        if (hasSize && i.Operands[3].Kind == PtxOperandKind.Register && i.Operands[3].Register!.Type == PtxType.Pred)
        {
            throw kernel.Unsupported(i, "a predicate that ignores the source");
        }

        (Row target, ulong targetOffset) = AddressRow(i, Operand(i, 0));
        (Row source, ulong sourceOffset) = AddressRow(i, Operand(i, 1));
        MemorySite site = kernel.AddSite(index => new MemorySite
        {
            Index = index,
            Instruction = i,
            Space = PtxStateSpace.Global,
            ElementSize = bytes == 16 ? 8 : bytes,
            Count = bytes == 16 ? 2 : 1,
            Address = source,
            Offset = sourceOffset,
            Operands = hasSize ? [target, Source(i, 3, PtxType.U32)] : [target],
            Mode = (OperationMode)(int)targetOffset,
        });
        _code.Warp().Registers().Integer(site.Index).Mask().Call(Static(typeof(AsyncCopyOperations), nameof(AsyncCopyOperations.Copy)));
        return true;
    }

    private bool BulkCopy(PtxInstruction i)
    {
        InstructionModes.RequireKnown(kernel, i, "async bulk shared::cluster shared::cta global mbarrier::complete_tx::bytes L2::cache_hint");
        if (i.Modifiers is not ["async", "bulk", "shared::cluster" or "shared::cta", "global", "mbarrier::complete_tx::bytes", ..])
        {
            return false;
        }

        Count(InstructionClass.AsyncCopy);
        (Row target, ulong targetOffset) = AddressRow(i, Operand(i, 0));
        (Row source, ulong sourceOffset) = AddressRow(i, Operand(i, 1));
        (Row barrier, ulong barrierOffset) = AddressRow(i, Operand(i, 3));
        MemorySite site = kernel.AddSite(index => new MemorySite
        {
            Index = index,
            Instruction = i,
            Space = PtxStateSpace.Global,
            ElementSize = 8,
            Count = 2,
            Address = source,
            Offset = sourceOffset,
            Operands = [target, Source(i, 2, PtxType.U32), barrier],
            Mode = (OperationMode)(int)targetOffset,
            Detail = (int)barrierOffset,
            IsAsyncProxy = true,
        });
        _code.Warp().Registers().Integer(site.Index).Mask().Call(Static(typeof(BulkCopyOperations), nameof(BulkCopyOperations.Copy)));
        return true;
    }

    private bool ArriveWithCopies(PtxInstruction i)
    {
        InstructionModes.RequireKnown(kernel, i, "async mbarrier arrive noinc shared shared::cta");
        if (!i.Has("noinc"))
        {
            throw kernel.Unsupported(i, "an arrival that raises the count (without .noinc)");
        }

        BarrierSite(i, 0, MemoryBarrierOperations.ArriveCopies, [], []);
        return true;
    }

    private bool MemoryBarrier(PtxInstruction i)
    {
        InstructionModes.RequireKnown(
            kernel, i, "init inval arrive expect_tx test_wait try_wait parity shared shared::cta release acquire relaxed cta cluster tx");
        Count(InstructionClass.AsyncCopy);
        if (i.Has("init"))
        {
            BarrierSite(i, 0, MemoryBarrierOperations.Initialize, [], [Source(i, 1, PtxType.U32)]);
        }
        else if (i.Has("inval"))
        {
            BarrierSite(i, 0, MemoryBarrierOperations.Invalidate, [], []);
        }
        else if (i.Has("test_wait") || i.Has("try_wait"))
        {
            _block.MaySpin = true;
            bool parity = i.Has("parity");
            BarrierSite(
                i,
                1,
                parity ? MemoryBarrierOperations.TestParity : MemoryBarrierOperations.TestState,
                [Destination(i)],
                [Source(i, 2, parity ? PtxType.U32 : PtxType.U64)]);
        }
        else if (i.Has("arrive"))
        {
            bool expects = i.Has("expect_tx");
            Row[] operands = i.Operands.Count > 2 ? [Source(i, 2, PtxType.U32)] : [];
            BarrierSite(i, 1, expects ? MemoryBarrierOperations.ArriveExpect : MemoryBarrierOperations.Arrive, [Destination(i)], operands);
        }
        else if (i.Has("expect_tx"))
        {
            BarrierSite(i, 0, MemoryBarrierOperations.Expect, [], [Source(i, 1, PtxType.U32)]);
        }
        else
        {
            return false;
        }

        return true;
    }

    private void BarrierSite(PtxInstruction i, int addressOperand, int detail, Row[] data, Row[] operands)
    {
        (Row address, ulong offset) = AddressRow(i, Operand(i, addressOperand));
        MemorySite site = kernel.AddSite(index => new MemorySite
        {
            Index = index,
            Instruction = i,
            Space = PtxStateSpace.Shared,
            ElementSize = 8,
            Address = address,
            Offset = offset,
            Data = data,
            Operands = operands,
            Detail = detail,
            IsAtomic = true,
        });
        _code.Warp().Registers().Integer(site.Index).Mask().Call(Static(typeof(MemoryBarrierOperations), nameof(MemoryBarrierOperations.Run)));
    }

    private ulong ImmediateOf(PtxInstruction i, int operand) => Operand(i, operand).Kind == PtxOperandKind.Integer
        ? i.Operands[operand].Bits
        : throw kernel.Unsupported(i, $"operand {operand} must be a number");
}
