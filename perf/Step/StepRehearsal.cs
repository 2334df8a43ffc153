using System.Collections.Generic;
using System.Linq;
using System.Threading;
using GptEngine.Engine.Benchmarking;
using GptEngine.Engine.Configuration;
using GptEngine.Engine.Training;
using GptEngine.Kernels.Attention;
using GptEngine.Kernels.Common;
using GptEngine.Kernels.Common.Cuda;
using GptEngine.Runtime.Compile;
using GptEngine.Runtime.Cuda;
using GptEngine.Runtime.Devices;
using GptEngine.Runtime.Memory;

namespace GptEngine.Perf.Step;

/// <summary>
/// Hears what a step of training enqueues on a GPU of which nothing but its properties is there: the engine trains as it always does, on a
/// <see cref="RehearsalDriver"/>, which does nothing of it.
/// </summary>
internal sealed class StepRehearsal : ILaunchObserver, IRangeListener
{
    private readonly Stack<RangeKind> _ranges = new();
    private readonly List<StepLaunch>[] _launches = [[], [], []];
    private readonly RecordingProducts _products;
    private int _part = Update;
    private int _depth;

    private const int Update = 2;

    private StepRehearsal(RecordingProducts products) => _products = products;

    /// <summary>What a step of a configuration enqueues.</summary>
    /// <param name="configuration">Its micro-batch is kept.</param>
    /// <param name="storage">x.</param>
    /// <param name="gpu">The GPU.</param>
    /// <param name="fusesEpilogues">Whether the library does activations and bias gradients in its products.</param>
    /// <param name="cache">Compiles kernels.</param>
    public static RecordedStep Of(RunConfiguration configuration, DataType storage, GpuDeviceProperties gpu, bool fusesEpilogues, CompileCache cache)
    {
        BatchPlan batch = BatchPlan.Resolve(configuration.Training, configuration.Model.ContextLength, worldSize: 1);
        RunConfiguration two = configuration with
        {
            Training = configuration.Training with
            {
                Precision = storage == DataType.BFloat16 ? Precision.Bf16 : Precision.Fp16,
                AccBatchSize = 2L * batch.MicroBatch * configuration.Model.ContextLength,
            },
        };
        var driver = new RehearsalDriver(gpu);
        using var device = new GpuDevice(driver, usesGraphs: false);
        var queue = new KernelQueue(driver, device.Stream, cache, ImageFormat.Ptx);
        var products = new RecordingProducts(fusesEpilogues);
        using var operations = new CudaOperations(device, queue, products, storage, new GpuOptions { Attention = AttentionVariant.LargeBlocks });
        var rehearsal = new StepRehearsal(products);
        operations.Observer = rehearsal;
        device.RangeListener = rehearsal;
        TrainingBenchmark.Run(new BenchCase(two, Steps: 1, Warmup: 0, MaxSeconds: double.PositiveInfinity, DocumentLength: 0), operations, null, CancellationToken.None);
        return new RecordedStep(
            configuration, storage, batch.AccBatchSize / (batch.MicroBatch * (long)configuration.Model.ContextLength), rehearsal._launches[0],
            rehearsal._launches[1], rehearsal._launches[Update], queue.Launched.ToDictionary(kernel => kernel.NameExpression));
    }

    public void Begin(RangeName name, long number)
    {
        _ranges.Push(name.Kind);
        _part = name.Kind == RangeKind.MicroStep ? (int)number : _part;
    }

    public void End(RangeName name) => _part = _ranges.Pop() == RangeKind.MicroStep ? Update : _part;

    public void BeginLaunch() => _depth++;

    public void EndLaunch(string name, string part, LaunchShape? shape, KernelCost? cost)
    {
        if (--_depth == 0 && _ranges.Contains(RangeKind.Step))
        {
            _launches[_part].Add(new StepLaunch(name, part, shape, cost, _products.Last));
        }
    }
}
