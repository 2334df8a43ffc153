using System;
using GptEngine.Runtime.Memory;

namespace GptEngine.Runtime.Cuda.Driver;

/// <summary>
/// Operands, workspace, a stream and events to measure a product on. The operands are noise from -1 to 1: a GPU that multiplies zeros takes
/// less power and clocks higher than it will in training.
/// </summary>
internal sealed unsafe class ProductScratch : IDisposable
{
    private const int NoiseBytes = 1 << 20;

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
        FillWithNoise(product.Input, used);
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

    private void FillWithNoise(DataType type, long bytes)
    {
        nint host = _driver.AllocatePinned(NoiseBytes);
        Write(type, new Span<byte>((void*)host, NoiseBytes));
        long done = Math.Min(NoiseBytes, bytes);
        _driver.CopyToDevice(_memory, host, done, Stream);
        for (; done < bytes; done *= 2)
        {
            _driver.CopyOnDevice(_memory + done, _memory, Math.Min(done, bytes - done), Stream);
        }

        Stream.Synchronize();
        _driver.FreePinned(host);
    }

    private static void Write(DataType type, Span<byte> noise)
    {
        var random = new Random(1);
        for (int at = 0; at < noise.Length; at += type.SizeInBytes())
        {
            type.WriteElement(noise[at..], (2 * random.NextSingle()) - 1);
        }
    }

    public void Dispose()
    {
        Stream.Synchronize();
        Start.Dispose();
        End.Dispose();
        Stream.Dispose();
        _driver.Free(_memory);
    }
}
