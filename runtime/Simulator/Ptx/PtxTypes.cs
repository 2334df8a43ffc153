using System;
using System.Diagnostics.CodeAnalysis;

namespace GptEngine.Runtime.Simulator.Ptx;

/// <summary>Names and widths of <see cref="PtxType"/>.</summary>
internal static class PtxTypes
{
    /// <summary>Reads a type as it stands in PTX, without its dot: <c>u32</c>, <c>f16x2</c>.</summary>
    internal static bool TryParse(ReadOnlySpan<char> text, out PtxType type)
    {
        type = text switch
        {
            "pred" => PtxType.Pred,
            "b8" => PtxType.B8,
            "u8" => PtxType.U8,
            "s8" => PtxType.S8,
            "b16" => PtxType.B16,
            "u16" => PtxType.U16,
            "s16" => PtxType.S16,
            "f16" => PtxType.F16,
            "bf16" => PtxType.BF16,
            "b32" => PtxType.B32,
            "u32" => PtxType.U32,
            "s32" => PtxType.S32,
            "f32" => PtxType.F32,
            "f16x2" => PtxType.F16x2,
            "bf16x2" => PtxType.BF16x2,
            "tf32" => PtxType.TF32,
            "b64" => PtxType.B64,
            "u64" => PtxType.U64,
            "s64" => PtxType.S64,
            "f64" => PtxType.F64,
            "b128" => PtxType.B128,
            _ => PtxType.None,
        };
        return type != PtxType.None;
    }

    /// <summary>Width in bytes; a predicate has none.</summary>
    internal static int Size(this PtxType type) => type switch
    {
        PtxType.B8 or PtxType.U8 or PtxType.S8 => 1,
        PtxType.B16 or PtxType.U16 or PtxType.S16 or PtxType.F16 or PtxType.BF16 => 2,
        PtxType.B32 or PtxType.U32 or PtxType.S32 or PtxType.F32 or PtxType.F16x2 or PtxType.BF16x2 or PtxType.TF32 => 4,
        PtxType.B64 or PtxType.U64 or PtxType.S64 or PtxType.F64 => 8,
        PtxType.B128 => 16,
        _ => 0,
    };

    internal static bool IsSigned(this PtxType type) => type is PtxType.S8 or PtxType.S16 or PtxType.S32 or PtxType.S64;

    internal static bool IsFloat(this PtxType type) => type is PtxType.F16 or PtxType.BF16 or PtxType.F32 or PtxType.F64
        or PtxType.F16x2 or PtxType.BF16x2 or PtxType.TF32;

    /// <summary>The name as PTX spells it.</summary>
    [SuppressMessage("Globalization", "CA1308", Justification = "PTX spells its types in lower case.")]
    internal static string PtxName(this PtxType type) => type.ToString().ToLowerInvariant();
}
