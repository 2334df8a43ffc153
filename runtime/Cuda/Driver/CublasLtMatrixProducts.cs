using System;
using System.Collections.Generic;
using System.Globalization;
using GptEngine.Runtime.Native;
using GptEngine.Runtime.Native.CublasLt;
using static GptEngine.Runtime.Native.CublasLt.CublasLtNative;

namespace GptEngine.Runtime.Cuda.Driver;

/// <summary>
/// Matrix products by cuBLASLt. For each kind the library's candidates are measured once, on scratch and a stream of their own, and the
/// fastest is kept: in this process, and on disk for the next, so that a run that goes on computes the same bits.
/// </summary>
public sealed unsafe class CublasLtMatrixProducts : MatrixProducts
{
    private const int Candidates = 8;
    private const int TimedRuns = 5;

    /// <summary>Bias gradients of CUDA 11.6's library are said to write beyond their vector for some shapes, which no measurement would survive.</summary>
    private const ulong FirstTrustedBiasGradient = 120000;

    private readonly CudaDriver _driver;
    private readonly GpuStream _stream;
    private readonly bool _usesTf32;
    private readonly ulong _version;
    private readonly MatrixAlgorithms _remembered;
    private readonly nint _handle;
    private readonly Dictionary<(MatrixProduct Product, bool KeepsSum), CublasLtPlan?> _plans = [];
    private readonly Dictionary<MatrixProduct, bool> _prefers = [];

    /// <param name="driver">The GPU.</param>
    /// <param name="stream">Where products are enqueued.</param>
    /// <param name="usesTf32">Whether fp32 products may run on tensor cores, which take 10 bits of mantissa.</param>
    /// <param name="folder">Where the chosen algorithms are remembered.</param>
    /// <exception cref="UserErrorException">There is no cuBLASLt: exit code <see cref="ExitCode.MissingDependency"/>.</exception>
    public CublasLtMatrixProducts(CudaDriver driver, GpuStream stream, bool usesTf32, string folder)
    {
        ArgumentNullException.ThrowIfNull(driver);
        NativeLibraries.Require(NativeLibraryName.CublasLt);
        (_driver, _stream, _usesTf32) = (driver, stream, usesTf32);
        driver.MakeCurrent();
        _version = cublasLtGetVersion();
        Name = string.Create(CultureInfo.InvariantCulture, $"cuBLASLt {_version / 10000}.{_version / 100 % 100}.{_version % 100}");
        _remembered = new MatrixAlgorithms(folder, $"{driver.Properties.Name}, {Name}{(usesTf32 ? ", tf32" : "")}");
        ThrowIfFailed(cublasLtCreate(out _handle));
    }

    public override string Name { get; }

    /// <summary>What the library's documentation recommends: 32 MiB from Hopper on, 4 MiB before; V100's split sums want more than that.</summary>
    public override long WorkspaceBytes => _driver.Properties.Architecture >= 90 ? 32 << 20 : 8 << 20;

    public override bool Supports(in MatrixProduct product) => product.Epilogue switch
    {
        MatrixEpilogue.None or MatrixEpilogue.Bias => true,
        MatrixEpilogue.BiasGradient => _version >= FirstTrustedBiasGradient && PlanFor(product, keepsSum: false) is not null,
        _ => !product.Accumulate && CublasLtPlan.CanKeepSum(product) && PlanFor(product, keepsSum: true) is not null,
    };

    public override bool Prefers(in MatrixProduct fused, in MatrixProduct plain, Func<double> restMs)
    {
        ArgumentNullException.ThrowIfNull(restMs);
        if (!_prefers.TryGetValue(fused, out bool prefers))
        {
            string key = $"{fused}, fused";
            bool isSupported = Supports(fused);
            if (_remembered.FindChoice(key) is { } known)
            {
                prefers = isSupported && known;
            }
            else
            {
                using IDisposable? held = _remembered.Hold();
                prefers = isSupported && (_remembered.FindChoice(key) ?? MeasureMs(fused) < MeasureMs(plain) + restMs());
                _remembered.AddChoice(key, prefers);
            }

            _prefers.Add(fused, prefers);
        }

        return prefers;
    }

    public override void Multiply(in MatrixProduct product, in MatrixOperands operands, DevicePointer workspace)
    {
        CublasLtPlan plan = PlanFor(product, operands.Sum != default)
            ?? throw Failure(NotSupported, nameof(cublasLtMatmulAlgoGetHeuristic), $"{product}: ");
        if (_stream.IsRehearsing)
        {
            return;
        }

        _driver.MakeCurrent();
        int status = plan.Enqueue(_handle, operands, workspace, WorkspaceBytes, CudaDriver.HandleOf(_stream));
        if (status != Success)
        {
            throw Failure(status, nameof(cublasLtMatmul), $"{product}: ");
        }
    }

    protected override void Dispose(bool disposing)
    {
        _driver.MakeCurrent();
        foreach (CublasLtPlan? plan in _plans.Values)
        {
            plan?.Dispose();
        }

        ThrowIfFailed(cublasLtDestroy(_handle));
    }

    private CublasLtPlan? PlanFor(in MatrixProduct product, bool keepsSum)
    {
        if (!_plans.TryGetValue((product, keepsSum), out CublasLtPlan? plan))
        {
            _driver.MakeCurrent();
            plan = new CublasLtPlan(product, keepsSum, _usesTf32);
            if (!Choose(plan, product, keepsSum))
            {
                plan.Dispose();
                plan = null;
            }

            _plans.Add((product, keepsSum), plan);
        }

        return plan;
    }

    /// <summary>Of a kind that is supported.</summary>
    private double MeasureMs(in MatrixProduct product)
    {
        bool usesSum = product.Epilogue is MatrixEpilogue.GeluTanh or MatrixEpilogue.GeluTanhGradient;
        using var scratch = new ProductScratch(_driver, product, usesSum, WorkspaceBytes);
        return PlanFor(product, usesSum) is { } plan ? Measure(plan, scratch) : double.PositiveInfinity;
    }

    private bool Choose(CublasLtPlan plan, in MatrixProduct product, bool keepsSum)
    {
        string key = $"{product}{(keepsSum ? ", sum kept" : "")}";
        if (UseRemembered(plan, key))
        {
            return true;
        }

        // Of a host's ranks one measures, and the others take what it found: so they multiply alike, now and after a resume.
        using IDisposable? held = _remembered.Hold();
        if (UseRemembered(plan, key))
        {
            return true;
        }

        // Measured on memory of its own: the caller's operands may hold a step's results, and the work may be under capture.
        using var scratch = new ProductScratch(_driver, product, keepsSum, WorkspaceBytes);
        Span<MatmulHeuristic> candidates = stackalloc MatmulHeuristic[Candidates];
        int count = plan.Candidates(_handle, WorkspaceBytes, scratch.Operands, candidates);
        double best = double.PositiveInfinity;
        MatmulAlgorithm chosen = default;
        foreach (ref readonly MatmulHeuristic candidate in candidates[..count])
        {
            plan.Use(candidate.Algorithm);
            double elapsedMs = candidate.State == Success ? Measure(plan, scratch) : double.PositiveInfinity;
            if (elapsedMs < best)
            {
                best = elapsedMs;
                chosen = candidate.Algorithm;
            }
        }

        if (double.IsInfinity(best))
        {
            return false;
        }

        plan.Use(chosen);
        _remembered.Add(key, chosen);
        return true;
    }

    private bool UseRemembered(CublasLtPlan plan, string key)
    {
        if (_remembered.Find(key) is { } known && plan.Accepts(_handle, known, WorkspaceBytes))
        {
            plan.Use(known);
            return true;
        }

        return false;
    }

    /// <summary>Milliseconds of the fastest run after one to warm up; infinite where the library refuses.</summary>
    private double Measure(CublasLtPlan plan, ProductScratch scratch)
    {
        double best = double.PositiveInfinity;
        for (int run = 0; run <= TimedRuns; run++)
        {
            scratch.Start.Record(scratch.Stream);
            if (plan.Enqueue(_handle, scratch.Operands, scratch.Workspace, WorkspaceBytes, CudaDriver.HandleOf(scratch.Stream)) != Success)
            {
                return double.PositiveInfinity;
            }

            scratch.End.Record(scratch.Stream);
            scratch.End.Synchronize();
            best = run == 0 ? best : Math.Min(best, scratch.End.ElapsedMsSince(scratch.Start));
        }

        return best;
    }
}
