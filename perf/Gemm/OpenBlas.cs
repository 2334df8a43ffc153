using System.Runtime.InteropServices;

namespace GptEngine.Perf.Gemm;

/// <summary>The CBLAS interface of whichever BLAS was loaded: the yardstick of the benchmark, and of nothing else.</summary>
internal sealed unsafe class OpenBlas
{
    private const int RowMajor = 101, NoTranspose = 111, Transpose = 112;

    private readonly delegate* unmanaged<int, int, int, int, int, int, float, float*, int, float*, int, float, float*, int, void> _sgemm;

    private OpenBlas(nint library)
    {
        _sgemm = (delegate* unmanaged<int, int, int, int, int, int, float, float*, int, float*, int, float, float*, int, void>)
            NativeLibrary.GetExport(library, "cblas_sgemm");
        // OpenBLAS and BLIS each have their own call for the number of threads; BLIS reads BLIS_NUM_THREADS as well.
        if (NativeLibrary.TryGetExport(library, "openblas_set_num_threads", out nint setThreads))
            SetThreads = (delegate* unmanaged<int, void>)setThreads;
        if (NativeLibrary.TryGetExport(library, "openblas_get_corename", out nint coreName))
            CoreName = Marshal.PtrToStringUTF8((nint)((delegate* unmanaged<byte*>)coreName)()) ?? "";
    }

    public delegate* unmanaged<int, void> SetThreads { get; }

    /// <summary>The kernels OpenBLAS chose; <c>OPENBLAS_CORETYPE</c> overrides it.</summary>
    public string CoreName { get; } = "BLIS";

    /// <summary>Loads the named library; null where the machine has none.</summary>
    public static OpenBlas? TryLoad(string name) => NativeLibrary.TryLoad(name, out nint library) ? new OpenBlas(library) : null;

    public void Multiply(int m, int n, int k, float* a, int lda, bool transposeA, float* b, int ldb, bool transposeB, float* c, int ldc,
        float beta) =>
        _sgemm(RowMajor, transposeA ? Transpose : NoTranspose, transposeB ? Transpose : NoTranspose, m, n, k, 1, a, lda, b, ldb, beta, c, ldc);
}
