using System;
using System.Runtime.Intrinsics.X86;

namespace GptEngine.Runtime.Cpu;

/// <summary>What this processor offers, as the runtime was told to use it (<c>DOTNET_EnableAVX512=0</c> and the like are respected).</summary>
public static class CpuFeatures
{
    /// <summary>The widest instructions that are usable.</summary>
    public static CpuIsa BestIsa => IsSupported(CpuIsa.Avx512) ? CpuIsa.Avx512 : IsSupported(CpuIsa.Avx2) ? CpuIsa.Avx2 : CpuIsa.Portable;

    public static bool IsSupported(CpuIsa isa) => isa switch
    {
        CpuIsa.Portable => true,
        CpuIsa.Avx2 => Avx2.IsSupported && Fma.IsSupported,
        CpuIsa.Avx512 => Avx512F.IsSupported && Avx512DQ.IsSupported && Avx512BW.IsSupported && Avx512F.VL.IsSupported,
        _ => throw new ArgumentOutOfRangeException(nameof(isa), isa, "There is no such instruction set."),
    };
}
