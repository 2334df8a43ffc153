using System;
using GptEngine.Runtime.Memory;
using GptEngine.Runtime.Native.CublasLt;
using static GptEngine.Runtime.Native.CublasLt.CublasLtNative;

namespace GptEngine.Runtime.Cuda.Driver;

/// <summary>
/// One kind of product as cuBLASLt takes it. The library's matrices are column-major, and a row-major matrix is its own transpose there: so
/// resultᵀ = op(right)ᵀ·op(left)ᵀ, with our right operand as its A, our left one as its B, and a bias along its rows, which are our columns.
/// What an epilogue keeps or reads beside the result has the result's type and pitch, and so has a bias: the library's defaults, which are
/// left alone.
/// </summary>
internal sealed unsafe class CublasLtPlan : IDisposable
{
    private const long AuxiliaryMultiple = 8;

    private readonly MatrixProduct _product;
    private readonly nint _descriptor;
    private readonly nint _a;
    private readonly nint _b;
    private readonly nint _d;
    private MatmulAlgorithm _algorithm;

    internal CublasLtPlan(in MatrixProduct product, bool keepsSum, bool usesTf32)
    {
        _product = product;
        int input = TypeOf(product.Input);
        ThrowIfFailed(cublasLtMatmulDescCreate(
            out _descriptor, usesTf32 && product.Input == DataType.Float32 ? Compute32FFastTf32 : Compute32F, TypeFloat32));
        Set(TransposeLeft, product.RightTransposed ? Transposed : Plain);
        Set(TransposeRight, product.LeftTransposed ? Transposed : Plain);
        Set(Epilogue, product.Epilogue switch
        {
            MatrixEpilogue.Bias => EpilogueBias,
            MatrixEpilogue.GeluTanh => keepsSum ? EpilogueGeluAuxiliaryBias : EpilogueGeluBias,
            MatrixEpilogue.GeluTanhGradient => EpilogueGeluGradient,
            MatrixEpilogue.BiasGradient => EpilogueBiasGradientRight, // our left operand is the library's B
            _ => EpilogueDefault,
        });
        if (keepsSum)
        {
            Set(AuxiliaryPitch, product.Columns);
        }

        _a = Layout(input, product.Columns, product.Depth, product.RightTransposed);
        _b = Layout(input, product.Depth, product.Rows, product.LeftTransposed);
        _d = Layout(TypeOf(product.Output), product.Columns, product.Rows, transposed: false);
    }

    /// <summary>Whether the library's rule for what is kept beside the result allows these columns.</summary>
    internal static bool CanKeepSum(in MatrixProduct product) => product.Columns % AuxiliaryMultiple == 0;

    /// <summary>The library's best guesses, best first; none where it cannot do this product.</summary>
    /// <param name="handle">The library.</param>
    /// <param name="workspaceBytes">What an algorithm may use.</param>
    /// <param name="operands">Pointers aligned as all later ones will be.</param>
    /// <param name="results">As many as are wanted.</param>
    internal int Candidates(nint handle, long workspaceBytes, in MatrixOperands operands, Span<MatmulHeuristic> results)
    {
        Point(operands);
        ThrowIfFailed(cublasLtMatmulPreferenceCreate(out nint preference));
        try
        {
            ulong bytes = (ulong)workspaceBytes;
            uint schemes = ReductionInComputeType;
            ThrowIfFailed(cublasLtMatmulPreferenceSetAttribute(preference, PreferenceWorkspaceBytes, &bytes, sizeof(ulong)));
            ThrowIfFailed(cublasLtMatmulPreferenceSetAttribute(preference, PreferenceReductionSchemes, &schemes, sizeof(uint)));
            fixed (MatmulHeuristic* start = results)
            {
                int status = cublasLtMatmulAlgoGetHeuristic(handle, _descriptor, _a, _b, _d, _d, preference, results.Length, start, out int count);
                return status == NotSupported ? 0 : status == Success ? count : throw Failure(status, nameof(cublasLtMatmulAlgoGetHeuristic), $"{_product}: ");
            }
        }
        finally
        {
            ThrowIfFailed(cublasLtMatmulPreferenceDestroy(preference));
        }
    }

    /// <summary>Whether an algorithm of an earlier process does this product here.</summary>
    internal bool Accepts(nint handle, MatmulAlgorithm algorithm, long workspaceBytes)
    {
        MatmulHeuristic result = default;
        return cublasLtMatmulAlgoCheck(handle, _descriptor, _a, _b, _d, _d, &algorithm, &result) == Success
            && result.State == Success && (long)result.WorkspaceBytes <= workspaceBytes;
    }

    /// <summary>Settles the algorithm for all calls to come.</summary>
    internal void Use(in MatmulAlgorithm algorithm) => _algorithm = algorithm;

    /// <summary>Enqueues the product. Allocates nothing.</summary>
    internal int Enqueue(nint handle, in MatrixOperands operands, DevicePointer workspace, long workspaceBytes, nint stream)
    {
        Point(operands);
        float alpha = 1;
        float beta = _product.Accumulate ? 1 : 0;
        fixed (MatmulAlgorithm* algorithm = &_algorithm)
        {
            return cublasLtMatmul(
                handle, _descriptor, &alpha, operands.Right.Address, _a, operands.Left.Address, _b, &beta, operands.Result.Address, _d,
                operands.Result.Address, _d, algorithm, workspace.Address, (nuint)workspaceBytes, stream);
        }
    }

    public void Dispose()
    {
        ThrowIfFailed(cublasLtMatrixLayoutDestroy(_d));
        ThrowIfFailed(cublasLtMatrixLayoutDestroy(_b));
        ThrowIfFailed(cublasLtMatrixLayoutDestroy(_a));
        ThrowIfFailed(cublasLtMatmulDescDestroy(_descriptor));
    }

    private static int TypeOf(DataType type) => type switch
    {
        DataType.Float32 => TypeFloat32,
        DataType.Float16 => TypeFloat16,
        DataType.BFloat16 => TypeBFloat16,
        _ => throw new ArgumentOutOfRangeException(nameof(type), type, $"matrix products take fp32, fp16 or bf16, not {type.ShortName()}"),
    };

    private static nint Layout(int type, long rows, long columns, bool transposed)
    {
        (ulong stored, ulong lines) = transposed ? ((ulong)columns, (ulong)rows) : ((ulong)rows, (ulong)columns);
        ThrowIfFailed(cublasLtMatrixLayoutCreate(out nint layout, type, stored, lines, (long)stored));
        return layout;
    }

    private void Point(in MatrixOperands operands)
    {
        if (_product.Epilogue is MatrixEpilogue.Bias or MatrixEpilogue.GeluTanh or MatrixEpilogue.BiasGradient)
        {
            Set(BiasPointer, operands.Bias.Address);
        }

        if (operands.Sum != default)
        {
            Set(AuxiliaryPointer, operands.Sum.Address);
        }
    }

    private void Set<T>(int attribute, T value)
        where T : unmanaged =>
        ThrowIfFailed(cublasLtMatmulDescSetAttribute(_descriptor, attribute, &value, (nuint)sizeof(T)));
}
