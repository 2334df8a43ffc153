using System;
using System.Globalization;
using System.Linq;
using GptEngine.Runtime.Simulator.Counters;
using GptEngine.Runtime.Simulator.Memory;
using GptEngine.Runtime.Simulator.Ptx;
using GptEngine.Runtime.Simulator.Tensor;

namespace GptEngine.Runtime.Simulator.Translation;

/// <summary>Warpgroup products, what orders them, and who else touches their registers.</summary>
internal sealed partial class InstructionTranslator
{
    private const string ShapeStart = "m64n";

    private bool TranslateWarpgroup(PtxInstruction i)
    {
        if (i.Opcode != "wgmma" || i.Guard is not null)
        {
            return false;
        }

        if (!kernel.Module.IsArchitectureSpecific)
        {
            throw kernel.Unsupported(i, "it needs a module for sm_90a");
        }

        if (i.Has("mma_async"))
        {
            return MultiplyWarpgroup(i);
        }

        InstructionModes.RequireKnown(kernel, i, "fence commit_group wait_group sync aligned");
        Count(InstructionClass.Barrier);
        MemorySite site = kernel.AddSite(index => new MemorySite { Index = index, Instruction = i });
        _block.SyncSite = site;
        _code.Warp().Integer(site.Index);
        if (i.Has("wait_group"))
        {
            _code.Integer((int)ImmediateOf(i, 0)).Call(Static(typeof(WarpgroupMultiply), nameof(WarpgroupMultiply.Wait)));
        }
        else
        {
            _code.Call(Static(typeof(WarpgroupMultiply), i.Has("fence") ? nameof(WarpgroupMultiply.Fence) : nameof(WarpgroupMultiply.Commit)));
        }

        return true;
    }

    private bool MultiplyWarpgroup(PtxInstruction i)
    {
        if (ProductOf(i) is not { } product)
        {
            return false;
        }

        Count(InstructionClass.Tensor);
        long operations = 2L * WarpgroupProduct.WarpRows * product.N * product.Depth;
        _block.TensorOperations += operations;
        _block.WarpgroupOperations += operations;
        Row[] left = product.IsLeftShared ? [Source(i, 1, PtxType.B64)] : Fragment(i, 1, 4, isSource: true);
        MemorySite site = kernel.AddSite(index => new MemorySite
        {
            Index = index,
            Instruction = i,
            Data = Fragment(i, 0, product.N / 2, isSource: false),
            Operands = [.. left, Source(i, 2, PtxType.B64), Predicate(i, Operand(i, 3)).Row],
            Product = product,
        });
        _block.SyncSite = site;
        _code.Warp().Registers().Integer(site.Index).Call(Static(typeof(WarpgroupMultiply), nameof(WarpgroupMultiply.Run)));
        return true;
    }

    /// <summary>What the instruction computes; null where that is not simulated: sums of 16 bits, operands of 8 or 1, sparse ones.</summary>
    private WarpgroupProduct? ProductOf(PtxInstruction i)
    {
        string shape = i.Modifiers.FirstOrDefault(modifier => modifier.StartsWith(ShapeStart, StringComparison.Ordinal)) ?? "";
        InstructionModes.RequireKnown(kernel, i, $"mma_async sync aligned {shape}");
        if (InstructionModes.Types(i) is not [PtxType.F32, PtxType.F16 or PtxType.BF16 or PtxType.TF32, var right] || InstructionModes.Types(i)[1] != right)
        {
            return null;
        }

        ProductType type = right == PtxType.F16 ? ProductType.Half : right == PtxType.BF16 ? ProductType.BFloat16 : ProductType.TensorFloat32;
        string end = type == ProductType.TensorFloat32 ? "k8" : "k16";
        if (!shape.EndsWith(end, StringComparison.Ordinal)
            || !int.TryParse(shape[ShapeStart.Length..^end.Length], NumberStyles.None, CultureInfo.InvariantCulture, out int columns)
            || columns is < 8 or > 256 || columns % 8 != 0)
        {
            return null;
        }

        bool isLeftShared = Operand(i, 1).Kind != PtxOperandKind.Vector;
        int transposes = type == ProductType.TensorFloat32 ? 0 : isLeftShared ? 2 : 1;
        if (i.Operands.Count != 6 + transposes)
        {
            throw kernel.Unsupported(i, $"it has {i.Operands.Count} operands where this form has {6 + transposes}");
        }

        return new WarpgroupProduct
        {
            N = columns,
            Type = type,
            IsLeftShared = isLeftShared,
            IsLeftDown = transposes == 2 && Flag(i, 6),
            IsRightDown = transposes > 0 && Flag(i, 5 + transposes),
            IsNegated = Sign(i, 4) != Sign(i, 5),
            IsScaleNegated = Predicate(i, Operand(i, 3)).Negated,
            Sums = kernel.Products.NumbersOf(Operand(i, 0)),
            Left = isLeftShared ? [] : kernel.Products.NumbersOf(Operand(i, 1)),
        };
    }

    /// <summary>An operand that is 0 or 1.</summary>
    private bool Flag(PtxInstruction i, int operand) => ImmediateOf(i, operand) switch
    {
        0 => false,
        1 => true,
        _ => throw kernel.Unsupported(i, $"operand {operand} must be 0 or 1"),
    };

    /// <summary>An operand that is 1 or −1.</summary>
    private int Sign(PtxInstruction i, int operand) => (int)ImmediateOf(i, operand) is var sign && sign is 1 or -1
        ? sign
        : throw kernel.Unsupported(i, $"operand {operand} must be 1 or -1");

    private bool FenceProxy(PtxInstruction i)
    {
        InstructionModes.RequireKnown(kernel, i, "proxy async shared::cta shared::cluster global");
        Count(InstructionClass.Barrier);
        if (!i.Has("async"))
        {
            return false;
        }

        if (!i.Has("global"))
        {
            _code.Warp().Mask().Call(Static(typeof(Synchronization), nameof(Synchronization.ShowToAsyncProxy)));
        }

        return true;
    }

    /// <summary>Before an instruction that is no product itself: what it does to registers of products.</summary>
    private void TrackProducts(PtxInstruction i)
    {
        if (kernel.Products.Count == 0 || ProductRegisterWeb.IsProduct(i) || kernel.Products.AccessOf(i) is not { } access)
        {
            return;
        }

        MemorySite site = kernel.AddSite(index => new MemorySite { Index = index, Instruction = i, Access = access });
        bool setsConstant = i.Opcode == "mov" && Operand(i, 1).IsImmediate;
        if (ProductRegisterWeb.IsMove(i) || setsConstant)
        {
            _code.Warp().Integer(site.Index).Integer(access.Writes[0]).Integer(setsConstant ? -1 : access.Reads[0]).Mask()
                .Call(Static(typeof(ProductRegisters), nameof(ProductRegisters.Move)));
            return;
        }

        _code.Warp().Integer(site.Index).Mask().Call(Static(typeof(ProductRegisters), nameof(ProductRegisters.Touch)));
    }
}
