using System;

namespace GptEngine.Runtime.Cpu.Gemm;

/// <summary>
/// Single-precision matrix products on the CPU: C = epilogue(op(A)·op(B)), on all threads of a pool, in the manner of Goto and van de
/// Geijn (2008) and BLIS (Van Zee and van de Geijn 2015): operands packed into panels, a tile of C in registers, an epilogue on each tile
/// while it is hot. The bits of a result depend on the instruction set, but not on the number of threads. Calls allocate nothing; the
/// packing memory is taken when the object is made and committed as it is first used. One call at a time, as with the pool.
/// </summary>
public sealed unsafe class CpuGemm : IDisposable
{
    private readonly CpuThreadPool _pool;
    private readonly GemmScratch[] _scratch;

    /// <param name="pool">Threads to use; not owned.</param>
    /// <param name="isa">Instructions to use; the best of this machine if null.</param>
    public CpuGemm(CpuThreadPool pool, CpuIsa? isa = null)
    {
        ArgumentNullException.ThrowIfNull(pool);
        Isa = isa ?? CpuFeatures.BestIsa;
        if (!CpuFeatures.IsSupported(Isa))
            throw new ArgumentException($"This processor does not have {Isa}.", nameof(isa));
        _pool = pool;
        _scratch = new GemmScratch[pool.ThreadCount];
        for (int i = 0; i < _scratch.Length; i++)
            _scratch[i] = new GemmScratch();
    }

    /// <summary>The instructions in use.</summary>
    public CpuIsa Isa { get; }

    /// <summary>The threads in use.</summary>
    public CpuThreadPool Pool => _pool;

    /// <summary>
    /// C[m, n] = alpha·op(A)·op(B) + beta·C, all row-major. A is (m, k), or (k, m) if <paramref name="transposeA"/>; B is (k, n), or
    /// (n, k) if <paramref name="transposeB"/>. Leading dimensions count elements between rows. C must not overlap A or B.
    /// </summary>
    public void Multiply(int m, int n, int k, float* a, long lda, bool transposeA, float* b, long ldb, bool transposeB,
        float* c, long ldc, float alpha = 1, float beta = 0) =>
        Multiply(m, n, k, a, lda, transposeA, b, ldb, transposeB, new StoreEpilogue(c, ldc, alpha, beta));

    /// <summary>As the other <c>Multiply</c>, with the product handed to <paramref name="epilogue"/>.</summary>
    public void Multiply<TEpilogue>(int m, int n, int k, float* a, long lda, bool transposeA, float* b, long ldb, bool transposeB,
        TEpilogue epilogue)
        where TEpilogue : struct, IGemmEpilogue
    {
        CheckLeadingDimension(nameof(lda), lda, transposeA ? m : k);
        CheckLeadingDimension(nameof(ldb), ldb, transposeB ? k : n);
        if (transposeA)
        {
            if (transposeB)
                Multiply(m, n, k, new ColumnMajorLines(a, lda), new RowMajorLines(b, ldb), epilogue);
            else
                Multiply(m, n, k, new ColumnMajorLines(a, lda), new ColumnMajorLines(b, ldb), epilogue);
        }
        else if (transposeB)
            Multiply(m, n, k, new RowMajorLines(a, lda), new RowMajorLines(b, ldb), epilogue);
        else
            Multiply(m, n, k, new RowMajorLines(a, lda), new ColumnMajorLines(b, ldb), epilogue);
    }

    /// <summary>
    /// The product of operands that are read, or computed, by sources: A has <paramref name="m"/> lines and B <paramref name="n"/>, of
    /// <paramref name="k"/> elements each. With k = 0 the epilogue sees zeros.
    /// </summary>
    public void Multiply<TA, TB, TEpilogue>(int m, int n, int k, TA a, TB b, TEpilogue epilogue)
        where TA : struct, IPanelSource
        where TB : struct, IPanelSource
        where TEpilogue : struct, IGemmEpilogue
    {
        ArgumentOutOfRangeException.ThrowIfNegative(m);
        ArgumentOutOfRangeException.ThrowIfNegative(n);
        ArgumentOutOfRangeException.ThrowIfNegative(k);
        if (m == 0 || n == 0)
            return;
        switch (Isa)
        {
            case CpuIsa.Avx512:
                Dispatch<MicroKernelAvx512, TA, TB, TEpilogue>(m, n, k, a, b, epilogue);
                break;
            case CpuIsa.Avx2:
                Dispatch<MicroKernelAvx2, TA, TB, TEpilogue>(m, n, k, a, b, epilogue);
                break;
            default:
                Dispatch<MicroKernelPortable, TA, TB, TEpilogue>(m, n, k, a, b, epilogue);
                break;
        }
    }

    /// <summary>
    /// The product on the calling thread alone, for use inside work of the pool, such as attention's tiles. Uses the packing memory of
    /// <paramref name="worker"/>, the number that the work was given; the bits are those of <c>Multiply</c>.
    /// </summary>
    public void MultiplySerial<TA, TB, TEpilogue>(int worker, int m, int n, int k, TA a, TB b, TEpilogue epilogue)
        where TA : struct, IPanelSource
        where TB : struct, IPanelSource
        where TEpilogue : struct, IGemmEpilogue
    {
        if (m <= 0 || n <= 0)
            return;
        switch (Isa)
        {
            case CpuIsa.Avx512:
                Serial<MicroKernelAvx512, TA, TB, TEpilogue>(worker, m, n, k, a, b, epilogue);
                break;
            case CpuIsa.Avx2:
                Serial<MicroKernelAvx2, TA, TB, TEpilogue>(worker, m, n, k, a, b, epilogue);
                break;
            default:
                Serial<MicroKernelPortable, TA, TB, TEpilogue>(worker, m, n, k, a, b, epilogue);
                break;
        }
    }

    public void Dispose()
    {
        foreach (GemmScratch scratch in _scratch)
            scratch.Dispose();
    }

    private static void CheckLeadingDimension(string name, long value, int width)
    {
        if (value < width)
            throw new ArgumentOutOfRangeException(name, value, $"{name} is {value}, but the rows have {width} elements.");
    }

    private void Dispatch<TKernel, TA, TB, TEpilogue>(int m, int n, int k, TA a, TB b, TEpilogue epilogue)
        where TKernel : struct, IMicroKernel
        where TA : struct, IPanelSource
        where TB : struct, IPanelSource
        where TEpilogue : struct, IGemmEpilogue
    {
        var blocking = new GemmBlocking(m, n, k, TKernel.Rows, TKernel.Columns, _pool.ThreadCount);
        foreach (GemmScratch scratch in _scratch)
            scratch.PackedColumnBlock = -1;
        var work = new BlockedProduct<TKernel, TA, TB, TEpilogue>(k, a, b, epilogue, blocking, _scratch);
        _pool.RunDynamic(blocking.RowBlocks * blocking.ColumnBlocks, work);
    }

    private void Serial<TKernel, TA, TB, TEpilogue>(int worker, int m, int n, int k, TA a, TB b, TEpilogue epilogue)
        where TKernel : struct, IMicroKernel
        where TA : struct, IPanelSource
        where TB : struct, IPanelSource
        where TEpilogue : struct, IGemmEpilogue
    {
        var blocking = new GemmBlocking(m, n, k, TKernel.Rows, TKernel.Columns, threads: 1);
        _scratch[worker].PackedColumnBlock = -1;
        var work = new BlockedProduct<TKernel, TA, TB, TEpilogue>(k, a, b, epilogue, blocking, _scratch);
        work.Run(0, blocking.RowBlocks * blocking.ColumnBlocks, worker);
    }
}
