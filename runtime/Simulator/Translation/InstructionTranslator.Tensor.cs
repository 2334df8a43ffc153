using System.Collections.Generic;
using System.Linq;
using GptEngine.Runtime.Simulator.Counters;
using GptEngine.Runtime.Simulator.Memory;
using GptEngine.Runtime.Simulator.Ptx;
using GptEngine.Runtime.Simulator.Tensor;

namespace GptEngine.Runtime.Simulator.Translation;

/// <summary>Matrix products and the moves of their fragments.</summary>
internal sealed partial class InstructionTranslator
{
    private bool TranslateTensor(PtxInstruction i) => i.Opcode switch
    {
        "mma" => Multiply(i),
        "ldmatrix" or "stmatrix" => MoveMatrices(i),
        _ => false,
    };

    private bool Multiply(PtxInstruction i)
    {
        InstructionModes.RequireKnown(kernel, i, "sync aligned row col m8n8k4 m16n8k4 m16n8k8 m16n8k16");
        List<PtxType> types = InstructionModes.Types(i);
        if (types.Count != 4 || i.Guard is not null)
        {
            return false;
        }

        (PtxType d, PtxType a, PtxType b, PtxType c) = (types[0], types[1], types[2], types[3]);
        bool sixteen = a == b && a is PtxType.F16 or PtxType.BF16;
        bool accumulators = d is PtxType.F32 or PtxType.F16 && c is PtxType.F32 or PtxType.F16 && (a == PtxType.F16 || (c == PtxType.F32 && d == PtxType.F32));
        (string? method, int registersOfA, int registersOfB, int depth, int rows, int count) = i.Modifiers.FirstOrDefault(m => m.StartsWith('m')) switch
        {
            "m8n8k4" when a == PtxType.F16 && c == d => (nameof(MatrixMultiply.Run8), 2, 2, 4, 8, 4),
            "m16n8k8" when sixteen => (nameof(MatrixMultiply.Run16), 2, 1, 8, 16, 1),
            "m16n8k16" when sixteen => (nameof(MatrixMultiply.Run16), 4, 2, 16, 16, 1),
            "m16n8k4" when a == PtxType.TF32 && b == a => (nameof(MatrixMultiply.RunTensorFloat32), 2, 1, 4, 16, 1),
            "m16n8k8" when a == PtxType.TF32 && b == a => (nameof(MatrixMultiply.RunTensorFloat32), 4, 2, 8, 16, 1),
            _ => default((string?, int, int, int, int, int)),
        };
        if (method is null || !accumulators)
        {
            return false;
        }

        bool columnA = i.Modifiers.First(m => m is "row" or "col") == "col";
        bool rowB = i.Modifiers.Last(m => m is "row" or "col") == "row";
        if (rows == 16 && (columnA || rowB))
        {
            return false;
        }

        Count(InstructionClass.Tensor);
        _block.TensorOperations += 2L * rows * 8 * depth * count;
        int accumulatorCount = rows == 8 ? 8 : 4;
        Row[] data = Fragment(i, 0, d == PtxType.F16 ? accumulatorCount / 2 : accumulatorCount, isSource: false);
        Row[] operands =
        [
            .. Fragment(i, 1, registersOfA, isSource: true),
            .. Fragment(i, 2, registersOfB, isSource: true),
            .. Fragment(i, 3, c == PtxType.F16 ? accumulatorCount / 2 : accumulatorCount, isSource: true),
        ];
        int detail = (a == PtxType.BF16 ? MatrixMultiply.BFloat16 : 0)
            | (c == PtxType.F16 ? MatrixMultiply.HalfC : 0)
            | (d == PtxType.F16 ? MatrixMultiply.HalfD : 0)
            | (columnA ? MatrixMultiply.ColumnA : 0)
            | (rowB ? MatrixMultiply.RowB : 0);
        MemorySite site = WaitFor(i, data, operands, detail, Operations.OperationMode.None, 0);
        _code.Warp().Registers().Integer(site.Index).Call(Static(typeof(MatrixMultiply), method));
        return true;
    }

    private Row[] Fragment(PtxInstruction i, int operand, int count, bool isSource)
    {
        PtxOperand vector = Operand(i, operand);
        IReadOnlyList<PtxOperand> elements = vector.Kind == PtxOperandKind.Vector ? vector.Elements : [vector];
        if (elements.Count != count)
        {
            throw kernel.Unsupported(i, $"operand {operand} has {elements.Count} registers where its fragment has {count}");
        }

        return [.. elements.Select(e => isSource ? Source(i, e, PtxType.B32) : Destination(i, e))];
    }

    private bool MoveMatrices(PtxInstruction i)
    {
        InstructionModes.RequireKnown(kernel, i, "sync aligned m8n8 x1 x2 x4 trans shared shared::cta");
        bool loads = i.Opcode == "ldmatrix";
        int count = i.Has("x4") ? 4 : i.Has("x2") ? 2 : 1;
        if (i.Guard is not null || !i.Has("m8n8") || TypeOf(i) != PtxType.B16)
        {
            return false;
        }

        Count(InstructionClass.MatrixMove);
        (Row address, ulong offset) = AddressRow(i, Operand(i, loads ? 1 : 0));
        MemorySite site = kernel.AddSite(index => new MemorySite
        {
            Index = index,
            Instruction = i,
            Space = SpaceOf(i),
            ElementSize = 8,
            Count = 2,
            Address = address,
            Offset = offset,
            Data = Fragment(i, loads ? 0 : 1, count, isSource: !loads),
            Detail = i.Has("trans") ? 1 : 0,
        });
        _block.SyncSite = site;
        _code.Warp().Registers().Integer(site.Index)
            .Call(Static(typeof(MatrixMoves), loads ? nameof(MatrixMoves.Load) : nameof(MatrixMoves.Store)));
        return true;
    }
}
