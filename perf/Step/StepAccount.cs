using System.Collections.Generic;
using System.Linq;
using GptEngine.Engine.Model;
using GptEngine.Kernels.Attention;
using GptEngine.Kernels.Common;
using GptEngine.Kernels.Profiling;
using GptEngine.Perf.MachineCode;
using GptEngine.Runtime.Compile;
using GptEngine.Runtime.Cuda;

namespace GptEngine.Perf.Step;

/// <summary>A training step's predicted time, in seconds a micro-step: what stands around the micro-steps is shared out among them.</summary>
/// <param name="Products">Matrix products, by <see cref="ProductModel"/>.</param>
/// <param name="Attention">By the replay of its machine code.</param>
/// <param name="Kernels">The memory-bound kernels, each with how often a micro-step has it.</param>
/// <param name="Moves">Fills and copies.</param>
/// <param name="Gaps">Between one launch and the next.</param>
/// <param name="Launches">Of a micro-step.</param>
/// <param name="Flops">Of a micro-step, as utilisation counts them.</param>
internal sealed record StepAccount(
    double Products, double Attention, IReadOnlyList<(MemoryPrediction Prediction, double Count)> Kernels, double Moves, double Gaps, double Launches,
    double Flops)
{
    // Of an empty node's time; the rest is the kernel's own latency, which its prediction has.
    private const double GapShare = 0.5;

    public double MemoryBound => Kernels.Sum(kernel => kernel.Prediction.Seconds * kernel.Count) + Moves;

    public double Seconds => Products + Attention + MemoryBound + Gaps;

    /// <summary>Of the time, inside matrix products and attention.</summary>
    public double Share => (Products + Attention) / Seconds;

    /// <param name="step">What the engine enqueues.</param>
    /// <param name="gpu">The GPU.</param>
    /// <param name="cache">Compiles kernels.</param>
    public static StepAccount Of(RecordedStep step, GpuDeviceProperties gpu, CompileCache cache)
    {
        MemorySystem memory = MemorySystem.Of(gpu);
        var kernels = new StepKernels(step);
        (StepLaunch Launch, double Count)[] all = [.. step.Counted.Select(pair => (pair.Launch, pair.Count / (double)step.MicroSteps))];
        double launches = all.Sum(pair => pair.Count);
        return new StepAccount(
            all.Where(pair => pair.Launch.Part == OperationCosts.Product).Sum(pair => pair.Count * ProductModel.Seconds(pair.Launch.Product!.Value, gpu)),
            AttentionSeconds(step, gpu, cache),
            [
                .. all.Select(pair => (Kernel: kernels.Of(pair.Launch), pair.Count)).Where(pair => pair.Kernel is not null)
                    .GroupBy(pair => pair.Kernel!, pair => pair.Count)
                    .Select(group => (Predict(group.Key, gpu, cache), group.Sum())),
            ],
            all.Where(pair => pair.Launch.Shape is null && pair.Launch.Part != OperationCosts.Product).Sum(pair => pair.Count * pair.Launch.Cost!.Value.Bytes / memory.CopyRate),
            launches * memory.LaunchSeconds * GapShare,
            launches,
            ModelFlops.PerToken(step.Configuration.Model) * (double)step.Configuration.Training.MicroBatch! * step.Configuration.Model.ContextLength);
    }

    private static MemoryPrediction Predict(MemoryKernel kernel, GpuDeviceProperties gpu, CompileCache cache) =>
        MemoryPrediction.Of(CompiledKernel.Of(kernel.Kernel, ComputeCapability.FromNumber(gpu.Architecture), cache), kernel, gpu);

    private static double AttentionSeconds(RecordedStep step, GpuDeviceProperties gpu, CompileCache cache)
    {
        int heads = (int)step.Configuration.Training.MicroBatch! * step.Configuration.Model.NHeads;
        var shape = new AttentionShape(1, step.Configuration.Model.ContextLength, 1, step.Configuration.Model.DHead);
        double cycles = AttentionPass.Launches(step.Storage, shape, gpu, AttentionVariant.LargeBlocks).Sum(passes =>
            AttentionPrediction.Of(CompiledKernel.Of(passes[0].Kernel, ComputeCapability.FromNumber(gpu.Architecture), cache), passes, shape, gpu).PredictedCycles);
        return step.Configuration.Model.NLayers * heads * cycles / MachineModel.Of(gpu.Architecture).Clock / gpu.MultiprocessorCount;
    }
}
