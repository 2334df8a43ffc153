using System;
using GptEngine.Runtime.Memory;

namespace GptEngine.Runtime.Cuda.Driver;

/// <summary>Operands, workspace, a stream and events to measure a product on; zeros, so that no number slows anything down.</summary>
internal sealed class ProductScratch : IDisposable
{
    private readonly CudaDriver _driver;
    private readonly DevicePointer _memory;

    internal ProductScratch(CudaDriver driver, in MatrixProduct product, bool keepsSum, long workspaceBytes)
    {
        _driver = driver;
        int input = product.Input.SizeInBytes();
        int output = product.Output.SizeInBytes();
        long used = 0;
        long left = Place(product.Rows * product.Depth * input);
        long right = Place(product.Depth * product.Columns * input);
        long result = Place(product.Rows * product.Columns * output);
        long bias = Place(product.Epilogue == MatrixEpilogue.BiasGradient ? product.Rows * output : product.Columns * input);
        long sum = Place(keepsSum ? product.Rows * product.Columns * output : 0);
        long workspace = Place(workspaceBytes);
        _memory = driver.Allocate(used, "a matrix product's measurement");
        Stream = driver.CreateStream();
        Start = driver.CreateEvent();
        End = driver.CreateEvent();
        driver.Fill(_memory, 0, used, Stream);
        Operands = new MatrixOperands(_memory + left, _memory + right, _memory + result, _memory + bias, keepsSum ? _memory + sum : default);
        Workspace = _memory + workspace;

        long Place(long bytes)
        {
            long start = used;
            used += (bytes + MemoryPlan.Alignment - 1) / MemoryPlan.Alignment * MemoryPlan.Alignment;
            return start;
        }
    }

    internal MatrixOperands Operands { get; }

    internal DevicePointer Workspace { get; }

    internal GpuStream Stream { get; }

    internal GpuEvent Start { get; }

    internal GpuEvent End { get; }

    public void Dispose()
    {
        Stream.Synchronize();
        Start.Dispose();
        End.Dispose();
        Stream.Dispose();
        _driver.Free(_memory);
    }
}
