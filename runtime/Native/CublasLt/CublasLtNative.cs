using System.Globalization;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using GptEngine.Runtime.Cuda;

namespace GptEngine.Runtime.Native.CublasLt;

/// <summary>
/// The part of cuBLASLt's C interface that matrix products need, the same in majors 11 to 13; numbers as cublasLt.h gives them. Every call
/// returns a status, to be handed to <see cref="ThrowIfFailed"/>.
/// </summary>
internal static unsafe partial class CublasLtNative
{
    internal const int Success = 0, NotSupported = 15;
    internal const int Compute32F = 68, Compute32FFastTf32 = 77;
    internal const int TypeFloat32 = 0, TypeFloat16 = 2, TypeBFloat16 = 14;
    internal const int Plain = 0, Transposed = 1;
    internal const int TransposeLeft = 3, TransposeRight = 4, Epilogue = 7, BiasPointer = 8, AuxiliaryPointer = 11, AuxiliaryPitch = 12;
    internal const int EpilogueDefault = 1, EpilogueBias = 4, EpilogueGelu = 32, EpilogueGeluBias = 36, EpilogueGeluAuxiliary = 160,
        EpilogueGeluAuxiliaryBias = 164, EpilogueGeluGradient = 192, EpilogueBiasGradientRight = 512;
    internal const int PreferenceWorkspaceBytes = 1, PreferenceReductionSchemes = 3;

    /// <summary>Partial sums over depth in the compute type alone, added in a fixed order.</summary>
    internal const uint ReductionInComputeType = 2;

    private const string Library = "cublasLt";

    [LibraryImport(Library)]
    internal static partial nuint cublasLtGetVersion();

    [LibraryImport(Library)]
    internal static partial int cublasLtCreate(out nint handle);

    [LibraryImport(Library)]
    internal static partial int cublasLtDestroy(nint handle);

    [LibraryImport(Library)]
    internal static partial int cublasLtMatmulDescCreate(out nint descriptor, int computeType, int scaleType);

    [LibraryImport(Library)]
    internal static partial int cublasLtMatmulDescDestroy(nint descriptor);

    [LibraryImport(Library)]
    internal static partial int cublasLtMatmulDescSetAttribute(nint descriptor, int attribute, void* value, nuint bytes);

    [LibraryImport(Library)]
    internal static partial int cublasLtMatrixLayoutCreate(out nint layout, int type, ulong rows, ulong columns, long pitch);

    [LibraryImport(Library)]
    internal static partial int cublasLtMatrixLayoutDestroy(nint layout);

    [LibraryImport(Library)]
    internal static partial int cublasLtMatmulPreferenceCreate(out nint preference);

    [LibraryImport(Library)]
    internal static partial int cublasLtMatmulPreferenceDestroy(nint preference);

    [LibraryImport(Library)]
    internal static partial int cublasLtMatmulPreferenceSetAttribute(nint preference, int attribute, void* value, nuint bytes);

    [LibraryImport(Library)]
    internal static partial int cublasLtMatmulAlgoGetHeuristic(
        nint handle, nint descriptor, nint a, nint b, nint c, nint d, nint preference, int requested, MatmulHeuristic* results, out int returned);

    [LibraryImport(Library)]
    internal static partial int cublasLtMatmulAlgoCheck(
        nint handle, nint descriptor, nint a, nint b, nint c, nint d, MatmulAlgorithm* algorithm, MatmulHeuristic* result);

    [LibraryImport(Library)]
    internal static partial int cublasLtMatmul(
        nint handle, nint descriptor, void* alpha, ulong a, nint aLayout, ulong b, nint bLayout, void* beta, ulong c, nint cLayout, ulong d,
        nint dLayout, MatmulAlgorithm* algorithm, ulong workspace, nuint workspaceBytes, nint stream);

    /// <summary>The one check of every status.</summary>
    /// <exception cref="GpuException">Names the call, the code and what it means.</exception>
    internal static void ThrowIfFailed(int status, [CallerArgumentExpression(nameof(status))] string call = "")
    {
        if (status != Success)
        {
            throw Failure(status, call, "");
        }
    }

    /// <summary>What to throw for a status; <paramref name="context"/> stands before the sentence.</summary>
    internal static GpuException Failure(int status, string call, string context)
    {
        // cublasGetStatusName came with 11.4, in cuBLAS and not here: the names are cublas_api.h's.
        (string code, string sentence) = status switch
        {
            1 => ("CUBLAS_STATUS_NOT_INITIALIZED", "the library is not initialised, mostly for lack of memory on the GPU"),
            3 => ("CUBLAS_STATUS_ALLOC_FAILED", "the library could not take memory"),
            7 => ("CUBLAS_STATUS_INVALID_VALUE", "an argument is unfit"),
            8 => ("CUBLAS_STATUS_ARCH_MISMATCH", "the GPU is too old for this"),
            11 => ("CUBLAS_STATUS_MAPPING_ERROR", "GPU memory could not be mapped"),
            13 => ("CUBLAS_STATUS_EXECUTION_FAILED", "the GPU failed to run it"),
            14 => ("CUBLAS_STATUS_INTERNAL_ERROR", "the library failed inside"),
            NotSupported => ("CUBLAS_STATUS_NOT_SUPPORTED", "this version of the library has no such product"),
            16 => ("CUBLAS_STATUS_LICENSE_ERROR", "the library finds no licence for this"),
            _ => (string.Create(CultureInfo.InvariantCulture, $"CUBLAS_STATUS {status}"), "no description"),
        };
        int bracket = call.IndexOf('(', System.StringComparison.Ordinal);
        return new GpuException(bracket < 0 ? call : call[..bracket], code, $"{context}{sentence}.");
    }
}
