using System;
using System.Collections.Generic;
using System.Linq;
using GptEngine.Runtime.Simulator.Counters;
using GptEngine.Runtime.Simulator.Memory;
using GptEngine.Runtime.Simulator.Operations;
using GptEngine.Runtime.Simulator.Ptx;

namespace GptEngine.Runtime.Simulator.Translation;

/// <summary>Loads, stores and atomics.</summary>
internal sealed unsafe partial class InstructionTranslator
{
    private static readonly HashSet<string> s_accessModifiers =
    [
        "global", "shared", "shared::cta", "local", "const", "param", "param::entry", "param::func", "v2", "v4", "nc", "ca", "cg", "cs", "lu", "cv", "wb", "wt",
        "weak", "volatile", "relaxed", "acquire", "release", "cta", "cluster", "gpu", "sys", "unified",
    ];

    private static readonly string[] s_hints = ["L1::", "L2::", "level::"];

    private bool TranslateMemory(PtxInstruction i)
    {
        switch (i.Opcode)
        {
            case "ld" or "ldu":
                return Load(i);
            case "st":
                return Store(i);
            case "atom" or "red":
                return Atomic(i);
            default:
                return false;
        }
    }

    private static PtxStateSpace SpaceOf(PtxInstruction i) =>
        i.Has("global") ? PtxStateSpace.Global
        : i.Has("shared") || i.Has("shared::cta") ? PtxStateSpace.Shared
        : i.Has("const") ? PtxStateSpace.Const
        : i.Has("local") ? PtxStateSpace.Local
        : i.Has("param") || i.Has("param::entry") || i.Has("param::func") ? PtxStateSpace.Param
        : PtxStateSpace.Generic;

    private bool Load(PtxInstruction i)
    {
        PtxOperand address = Operand(i, 1);
        PtxType type = TypeOf(i);
        PtxStateSpace space = SpaceOf(i);
        if (space == PtxStateSpace.Param && address.Variable is { } parameter && kernel.IsKernelParameter(parameter))
        {
            LoadParameter(i, parameter, address.Bits, type);
            return true;
        }

        MemorySite site = AccessSite(i, Operand(i, 0), address, type, space);
        Count(space switch
        {
            PtxStateSpace.Shared => InstructionClass.SharedLoad,
            PtxStateSpace.Local => InstructionClass.LocalLoad,
            PtxStateSpace.Const => InstructionClass.ConstantLoad,
            PtxStateSpace.Param => InstructionClass.Move,
            _ => InstructionClass.GlobalLoad,
        });
        _code.Warp().Registers().Integer(site.Index).Mask().Call(Static(typeof(MemoryOperations), nameof(MemoryOperations.Load)));
        if (site.IsSynchronizing)
        {
            _code.Warp().Integer(site.Index).Mask().Call(Static(typeof(Synchronization), nameof(Synchronization.AfterLoad)));
        }

        return true;
    }

    private bool Store(PtxInstruction i)
    {
        PtxStateSpace space = SpaceOf(i);
        MemorySite site = AccessSite(i, Operand(i, 1), Operand(i, 0), TypeOf(i), space);
        Count(space switch
        {
            PtxStateSpace.Shared => InstructionClass.SharedStore,
            PtxStateSpace.Local => InstructionClass.LocalStore,
            PtxStateSpace.Param => InstructionClass.Move,
            _ => InstructionClass.GlobalStore,
        });
        _code.Warp().Registers().Integer(site.Index).Mask().Call(Static(typeof(MemoryOperations), nameof(MemoryOperations.Store)));
        return true;
    }

    private void LoadParameter(PtxInstruction i, PtxVariable parameter, ulong offset, PtxType type)
    {
        Count(InstructionClass.Move);
        PtxOperand target = Operand(i, 0);
        IReadOnlyList<PtxOperand> elements = target.Kind == PtxOperandKind.Vector ? target.Elements : [target];
        int size = type.Size();
        if (offset + (ulong)(size * elements.Count) > (ulong)parameter.Size || offset % (ulong)size != 0)
        {
            throw kernel.Unsupported(i, $"it reads outside the parameter {parameter.Name}");
        }

        int start = (int)(AddressOf(i, parameter) - AddressSpaces.ParameterWindow + offset);
        for (int e = 0; e < elements.Count; e++)
        {
            Row d = Destination(i, elements[e]);
            if (!d.IsSink)
            {
                _code.Warp().Pointer(d).Integer(d.Size).Integer(start + (e * size)).Integer(size).Integer(type.IsSigned() ? 1 : 0).Mask()
                    .Call(Static(typeof(MemoryOperations), nameof(MemoryOperations.LoadParameter)));
            }
        }
    }

    private MemorySite AccessSite(PtxInstruction i, PtxOperand data, PtxOperand address, PtxType type, PtxStateSpace space)
    {
        RequireAccessModifiers(i);
        bool vector = i.Has("v2") || i.Has("v4");
        int count = i.Has("v4") ? 4 : i.Has("v2") ? 2 : 1;
        IReadOnlyList<PtxOperand> elements = data.Kind == PtxOperandKind.Vector ? data.Elements : [data];
        if (elements.Count != count || vector != (data.Kind == PtxOperandKind.Vector) || count * type.Size() > 16 || type.Size() is 0 or 16)
        {
            throw kernel.Unsupported(i, "its vector and its data do not fit together");
        }

        int detail = 0;
        if (address.Variable is { } variable && stack.Contains(variable) && space == PtxStateSpace.Param)
        {
            space = PtxStateSpace.Local;
            detail = MemorySite.CallParameter;
        }

        (Row row, ulong offset) = AddressRow(i, address);
        return kernel.AddSite(index => new MemorySite
        {
            Index = index,
            Instruction = i,
            Space = space,
            ElementSize = type.Size(),
            Count = count,
            Signed = type.IsSigned(),
            Address = row,
            Offset = offset,
            Data = [.. elements.Select(e => e.Kind == PtxOperandKind.Sink ? Row.Sink : Source(i, e, type))],
            Detail = detail,
            IsSynchronizing = i.Has("volatile") || i.Has("relaxed") || i.Has("acquire") || i.Has("release"),
        });
    }

    /// <summary>The register of an address (a constant row where there is none) and what is added to it.</summary>
    private (Row Row, ulong Offset) AddressRow(PtxInstruction i, PtxOperand address)
    {
        if (address.Kind != PtxOperandKind.Address)
        {
            throw kernel.Unsupported(i, "an operand that should be an address");
        }

        if (address.Register is not null)
        {
            return (kernel.Registers.RowOf(address.Register), address.Bits);
        }

        ulong place = address.Variable is null ? 0 : AddressOf(i, address.Variable);
        return (kernel.Constants.Get(place, 8), address.Bits);
    }

    private void RequireAccessModifiers(PtxInstruction i)
    {
        foreach (string modifier in i.Modifiers)
        {
            if (!s_accessModifiers.Contains(modifier) && !PtxTypes.TryParse(modifier, out _) && !Array.Exists(s_hints, h => modifier.StartsWith(h, StringComparison.Ordinal)))
            {
                throw kernel.Unsupported(i, $"the modifier .{modifier}");
            }
        }
    }

    private bool Atomic(PtxInstruction i)
    {
        bool returns = i.Opcode == "atom";
        int first = returns ? 1 : 0;
        PtxType type = TypeOf(i);
        PtxStateSpace space = SpaceOf(i);
        (nint function, int mode, int sources) = AtomicFunction(i, type, space);
        if (function == 0 || type.Size() is not (2 or 4 or 8))
        {
            return false;
        }

        RequireAtomicModifiers(i);
        Count(InstructionClass.Atomic);
        (Row row, ulong offset) = AddressRow(i, Operand(i, first));
        Row operand = Source(i, first + 1, type);
        MemorySite site = kernel.AddSite(index => new MemorySite
        {
            Index = index,
            Instruction = i,
            Space = space,
            ElementSize = type.Size(),
            Address = row,
            Offset = offset,
            Data = [returns ? Destination(i) : Row.Sink],
            Operands = sources > 1 ? [operand, Source(i, first + 2, type)] : [operand, operand],
            Function = function,
            Mode = (OperationMode)mode,
            IsAtomic = true,
        });
        _block.MaySpin = true;
        _code.Warp().Registers().Integer(site.Index).Mask().Call(Static(typeof(AtomicOperations), nameof(AtomicOperations.Run)));
        return true;
    }

    private void RequireAtomicModifiers(PtxInstruction i)
    {
        foreach (string modifier in i.Modifiers)
        {
            if (modifier is not ("global" or "shared" or "shared::cta" or "relaxed" or "acquire" or "release" or "acq_rel" or "cta" or "cluster" or "gpu" or "sys"
                or "and" or "or" or "xor" or "cas" or "exch" or "add" or "inc" or "dec" or "min" or "max" or "noftz")
                && !PtxTypes.TryParse(modifier, out _) && !Array.Exists(s_hints, h => modifier.StartsWith(h, StringComparison.Ordinal)))
            {
                throw kernel.Unsupported(i, $"the modifier .{modifier}");
            }
        }
    }

    private static (nint Function, int Mode, int Sources) AtomicFunction(PtxInstruction i, PtxType type, PtxStateSpace space)
    {
        int integers = IntegerFunctions.TypeBits(type.Size(), type.IsSigned());
        int nearest = (int)OperationMode.RoundNearestEven;
        if (i.Has("add"))
        {
            // Additions to global memory flush subnormals, those to shared memory do not (PTX ISA, atom).
            int flush = space == PtxStateSpace.Shared ? 0 : (int)OperationMode.FlushSubnormals;
            return type switch
            {
                PtxType.F32 => (F(&SingleFunctions.Add), nearest | flush, 1),
                PtxType.F64 => (F(&DoubleFunctions.Add), nearest, 1),
                PtxType.F16 => (F(&SmallFloatFunctions<HalfFormat>.Add), nearest, 1),
                PtxType.BF16 => (F(&SmallFloatFunctions<BFloat16Format>.Add), nearest, 1),
                PtxType.F16x2 => (F(&PackedFunctions<HalfFormat>.Add), nearest, 1),
                PtxType.BF16x2 => (F(&PackedFunctions<BFloat16Format>.Add), nearest, 1),
                _ => (F(&IntegerFunctions.Add), integers, 1),
            };
        }

        return i.Has("cas") ? (F(&AtomicFunctions.CompareAndSwap), integers, 2)
            : i.Has("exch") ? (F(&AtomicFunctions.Exchange), integers, 1)
            : i.Has("and") ? (F(&BitFieldFunctions.And), integers, 1)
            : i.Has("or") ? (F(&BitFieldFunctions.Or), integers, 1)
            : i.Has("xor") ? (F(&BitFieldFunctions.Xor), integers, 1)
            : i.Has("inc") ? (F(&AtomicFunctions.Increment), integers, 1)
            : i.Has("dec") ? (F(&AtomicFunctions.Decrement), integers, 1)
            : i.Has("min") && !type.IsFloat() ? (F(&IntegerFunctions.Minimum), integers, 1)
            : i.Has("max") && !type.IsFloat() ? (F(&IntegerFunctions.Maximum), integers, 1)
            : default;
    }
}
