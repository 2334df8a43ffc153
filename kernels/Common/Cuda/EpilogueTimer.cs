using System;
using System.Collections.Generic;
using GptEngine.Kernels.Activation;
using GptEngine.Kernels.Linear;
using GptEngine.Runtime.Cuda;
using GptEngine.Runtime.Memory;

namespace GptEngine.Kernels.Common.Cuda;

/// <summary>
/// Times the kernels that do what a matrix product's epilogue could, on memory and a stream of their own, for
/// <see cref="MatrixProducts.Prefers"/>. The delegates are made once: asking allocates nothing.
/// </summary>
internal sealed class EpilogueTimer
{
    private const int Runs = 5;

    private readonly KernelQueue _queue;
    private readonly DataType _storage;
    private long _rows;
    private long _columns;

    internal EpilogueTimer(KernelQueue queue, DataType storage)
    {
        (_queue, _storage) = (queue, storage);
        GeluForward = () => TimeActivation((launcher, z, y) => launcher.Forward(z, y));
        GeluBackward = () => TimeActivation((launcher, z, gradient) => launcher.Backward(gradient, z, gradient));
        BiasGradient = TimeBiasGradient;
    }

    /// <summary>Milliseconds of GELU over a result of the shape set last.</summary>
    internal Func<double> GeluForward { get; }

    /// <summary>Milliseconds of its gradient.</summary>
    internal Func<double> GeluBackward { get; }

    /// <summary>Milliseconds of a bias gradient over rows and columns of an output's gradient.</summary>
    internal Func<double> BiasGradient { get; }

    /// <summary>Of what is timed next.</summary>
    internal EpilogueTimer For(long rows, long columns)
    {
        (_rows, _columns) = (rows, columns);
        return this;
    }

    private double TimeActivation(Action<ActivationLauncher, Tensor, Tensor> launch) => Time((queue, take) =>
    {
        var launcher = new ActivationLauncher(queue, _storage, Common.Activation.GeluTanh);
        Tensor z = take(_storage, _rows * _columns);
        Tensor other = take(_storage, _rows * _columns);
        return () => launch(launcher, z, other);
    });

    private double TimeBiasGradient() => Time((queue, take) =>
    {
        var launcher = new BiasGradientLauncher(queue, _storage);
        DevicePointer gradY = KernelQueue.PointerTo(take(_storage, _rows * _columns));
        DevicePointer gradBias = KernelQueue.PointerTo(take(DataType.Float32, _columns));
        DevicePointer workspace = KernelQueue.PointerTo(take(DataType.Float32, BiasGradientLauncher.WorkspaceBytes(_rows, _columns) / sizeof(float)));
        return () => launcher.Launch(gradY, _rows, _columns, gradBias, accumulate: true, workspace);
    });

    /// <summary>Of the fastest run after one to warm up; operands are zeros.</summary>
    private double Time(Func<KernelQueue, Func<DataType, long, Tensor>, Action> prepare)
    {
        GpuDriver driver = _queue.Driver;
        var taken = new List<DevicePointer>();
        using GpuStream stream = driver.CreateStream();
        using GpuEvent start = driver.CreateEvent();
        using GpuEvent end = driver.CreateEvent();
        using KernelQueue queue = _queue.Beside(stream);
        try
        {
            Action launch = prepare(queue, Take);
            double best = double.PositiveInfinity;
            for (int run = 0; run <= Runs; run++)
            {
                start.Record(stream);
                launch();
                end.Record(stream);
                end.Synchronize();
                best = run == 0 ? best : Math.Min(best, end.ElapsedMsSince(start));
            }

            return best;
        }
        finally
        {
            stream.Synchronize();
            taken.ForEach(driver.Free);
        }

        Tensor Take(DataType type, long count)
        {
            var tensor = new Tensor("epilogue timing", type, 0, count);
            DevicePointer pointer = driver.Allocate(tensor.Bytes, tensor.Name);
            taken.Add(pointer);
            driver.Fill(pointer, 0, tensor.Bytes, stream);
            tensor.Bind((nuint)pointer.Address);
            return tensor;
        }
    }
}
