using System.Runtime.CompilerServices;

namespace GptEngine.Runtime.Native.CublasLt;

/// <summary>cublasLtMatmulAlgo_t: opaque, and by its documentation good to keep for the same version of the library.</summary>
[InlineArray(8)]
internal struct MatmulAlgorithm
{
    private ulong _word;
}
