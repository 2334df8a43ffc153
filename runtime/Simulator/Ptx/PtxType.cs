namespace GptEngine.Runtime.Simulator.Ptx;

/// <summary>The fundamental types of PTX that the simulator knows; <see cref="PtxTypes"/> has their widths.</summary>
internal enum PtxType
{
    None,
    Pred,
    B8, U8, S8,
    B16, U16, S16, F16, BF16,
    B32, U32, S32, F32, F16x2, BF16x2, TF32,
    B64, U64, S64, F64,
    B128,
}
