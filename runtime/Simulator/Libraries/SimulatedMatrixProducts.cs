using System;
using System.Numerics.Tensors;
using System.Runtime.InteropServices;
using GptEngine.Runtime.Cpu;
using GptEngine.Runtime.Cpu.Gemm;
using GptEngine.Runtime.Cuda;
using GptEngine.Runtime.Memory;
using GptEngine.Runtime.Simulator.Driver;

namespace GptEngine.Runtime.Simulator.Libraries;

/// <summary>
/// Stands for cuBLASLt on the simulated GPU, which has no machine code to run the library's: products are computed on the host's
/// processor, on the simulated device's memory, in their place in the stream, and reported like a launch. The precision is the one that
/// the library documents: inputs in their storage type (rounded to TF32 where asked), products summed in fp32, the result rounded once.
/// </summary>
public sealed unsafe class SimulatedMatrixProducts : MatrixProducts
{
    private readonly SimulatedDriver _driver;
    private readonly GpuStream _stream;
    private readonly bool _roundsToTf32;
    private readonly bool _fusesEpilogues;
    private readonly CpuThreadPool _pool;
    private readonly CpuGemm _gemm;
    private HostMemory _scratch = HostMemory.Allocate(1);

    /// <param name="driver">The simulated GPU.</param>
    /// <param name="stream">Where products take their place.</param>
    /// <param name="roundsToTf32">Whether fp32 inputs lose all but the 10 bits of mantissa that tensor cores take.</param>
    /// <param name="threads">Host threads; 0 for all.</param>
    /// <param name="fusesEpilogues">Whether epilogues are preferred to kernels of their own.</param>
    public SimulatedMatrixProducts(
        SimulatedDriver driver, GpuStream stream, bool roundsToTf32 = false, int threads = 0, bool fusesEpilogues = false)
    {
        _driver = driver;
        _stream = stream;
        _roundsToTf32 = roundsToTf32;
        _fusesEpilogues = fusesEpilogues;
        _pool = new CpuThreadPool(threads);
        _gemm = new CpuGemm(_pool);
    }

    public override string Name => "cuBLASLt's stand-in on the host";

    public override long WorkspaceBytes => 0;

    public override bool Supports(in MatrixProduct product) =>
        !product.Accumulate || product.Epilogue is not (MatrixEpilogue.GeluTanh or MatrixEpilogue.GeluTanhGradient);

    /// <remarks>Nothing is measured here: all epilogues or none, as was asked for.</remarks>
    public override bool Prefers(in MatrixProduct fused, in MatrixProduct plain, Func<double> restMs) => _fusesEpilogues && Supports(fused);

    public override void Multiply(in MatrixProduct product, in MatrixOperands operands, DevicePointer workspace)
    {
        if (!Supports(product))
        {
            throw new GpuException("cublasLtMatmul", "CUBLAS_STATUS_NOT_SUPPORTED", product.ToString());
        }

        MatrixProduct kind = product;
        MatrixOperands where = operands;
        _driver.RunLibrary(_stream, "matrix_product_stand_in", kind.Bytes, kind.Flops, () => Compute(kind, where));
    }

    protected override void Dispose(bool disposing)
    {
        _gemm.Dispose();
        _pool.Dispose();
        _scratch.Dispose();
    }

    private void Compute(in MatrixProduct product, in MatrixOperands operands)
    {
        long left = product.Rows * product.Depth;
        long right = product.Depth * product.Columns;
        long result = product.Rows * product.Columns;
        float* a = Scratch(left + right + (2 * result) + Math.Max(product.Columns, product.Rows));
        float* b = a + left;
        float* c = b + right;
        float* sum = c + result;
        float* bias = sum + result;
        Read(operands.Left, product.Input, left, a);
        Read(operands.Right, product.Input, right, b);
        if (_roundsToTf32 && product.Input == DataType.Float32)
        {
            RoundToTf32(a, left + right);
        }

        if (product.Accumulate)
        {
            Read(operands.Result, product.Output, result, c);
        }

        (int rows, int columns, int depth) = checked(((int)product.Rows, (int)product.Columns, (int)product.Depth));
        _gemm.Multiply(
            rows, columns, depth, a, product.LeftTransposed ? rows : depth, product.LeftTransposed, b, product.RightTransposed ? depth : columns,
            product.RightTransposed, c, columns, 1, product.Accumulate ? 1 : 0);
        switch (product.Epilogue)
        {
            case MatrixEpilogue.Bias:
                AddBias(product, operands, c, bias);
                break;
            case MatrixEpilogue.GeluTanh:
                AddBias(product, operands, c, bias);
                if (operands.Sum != default)
                {
                    Write(operands.Sum, product.Output, result, c);
                }

                GeluTanh.Apply(new Span<float>(c, checked((int)result)));
                break;
            case MatrixEpilogue.GeluTanhGradient:
                Read(operands.Sum, product.Output, result, sum);
                GeluTanh.MultiplyByDerivative(new Span<float>(c, checked((int)result)), new ReadOnlySpan<float>(sum, checked((int)result)));
                break;
            case MatrixEpilogue.BiasGradient:
                SumOverDepth(product, a, bias);
                Write(operands.Bias, product.Output, rows, bias);
                break;
        }

        Write(operands.Result, product.Output, result, c);
    }

    private void AddBias(in MatrixProduct product, in MatrixOperands operands, float* result, float* bias)
    {
        int columns = (int)product.Columns;
        Read(operands.Bias, product.Input, columns, bias);
        for (long row = 0; row < product.Rows; row++)
        {
            var line = new Span<float>(result + (row * columns), columns);
            TensorPrimitives.Add(line, new ReadOnlySpan<float>(bias, columns), line);
        }
    }

    private static void SumOverDepth(in MatrixProduct product, float* left, float* sums)
    {
        for (long row = 0; row < product.Rows; row++)
        {
            float sum = 0;
            for (long step = 0; step < product.Depth; step++)
            {
                sum += product.LeftTransposed ? left[(step * product.Rows) + row] : left[(row * product.Depth) + step];
            }

            sums[row] = sum;
        }
    }

    private float* Scratch(long floats)
    {
        if (_scratch.ByteCount < floats * sizeof(float))
        {
            _scratch.Dispose();
            _scratch = HostMemory.Allocate(floats * sizeof(float));
        }

        return (float*)_scratch.Pointer;
    }

    private void Read(DevicePointer source, DataType type, long count, float* destination)
    {
        byte* bytes = _driver.Reading("cublasLtMatmul", source, count * type.SizeInBytes());
        var floats = new Span<float>(destination, checked((int)count));
        switch (type)
        {
            case DataType.Float32:
                new ReadOnlySpan<float>(bytes, floats.Length).CopyTo(floats);
                break;
            case DataType.Float16:
                TensorPrimitives.ConvertToSingle(new ReadOnlySpan<Half>(bytes, floats.Length), floats);
                break;
            default:
                ushort* words = (ushort*)bytes;
                for (int i = 0; i < floats.Length; i++)
                {
                    floats[i] = BitConverter.UInt32BitsToSingle((uint)words[i] << 16);
                }

                break;
        }
    }

    private void Write(DevicePointer destination, DataType type, long count, float* source)
    {
        byte* bytes = _driver.Writing("cublasLtMatmul", destination, count * type.SizeInBytes());
        var floats = new ReadOnlySpan<float>(source, checked((int)count));
        switch (type)
        {
            case DataType.Float32:
                floats.CopyTo(new Span<float>(bytes, floats.Length));
                break;
            case DataType.Float16:
                TensorPrimitives.ConvertToHalf(floats, new Span<Half>(bytes, floats.Length));
                break;
            default:
                Span<BFloat16> words = MemoryMarshal.Cast<byte, BFloat16>(new Span<byte>(bytes, floats.Length * 2));
                for (int i = 0; i < floats.Length; i++)
                {
                    words[i] = (BFloat16)floats[i];
                }

                break;
        }
    }

    /// <summary>To the nearest number of 10 bits of mantissa, ties away from zero: cvt.rna.tf32.f32.</summary>
    private static void RoundToTf32(float* values, long count)
    {
        const uint Half = 1u << 12;
        const uint Kept = ~((1u << 13) - 1);
        for (long i = 0; i < count; i++)
        {
            if (float.IsFinite(values[i]))
            {
                values[i] = BitConverter.UInt32BitsToSingle((BitConverter.SingleToUInt32Bits(values[i]) + Half) & Kept);
            }
        }
    }
}
