namespace GptEngine.Runtime.Cpu;

/// <summary>Which vector instructions the CPU code paths use; a later one is preferred to an earlier one.</summary>
public enum CpuIsa
{
    /// <summary>128-bit vectors of any processor (SSE on x64, AdvSimd on ARM64).</summary>
    Portable,

    /// <summary>256-bit vectors with fused multiply-add.</summary>
    Avx2,

    /// <summary>512-bit vectors: the F, DQ, BW and VL parts of AVX-512.</summary>
    Avx512,
}
