using System;
using System.Globalization;
using System.Linq;
using GptEngine.Engine.Configuration;
using GptEngine.Engine.Model;
using GptEngine.Engine.Ranks;
using GptEngine.Engine.Training;
using GptEngine.Gpt.CommandLine;
using GptEngine.Kernels.Common;
using GptEngine.Kernels.Common.Cuda;
using GptEngine.Runtime.Memory;

namespace GptEngine.Gpt.Commands;

/// <summary>What training takes of a GPU's memory, planned as a run would plan it. Nothing is taken, and no GPU is needed.</summary>
internal static class MemoryPlanPrinter
{
    private const double Gibibyte = 1L << 30;

    /// <summary>One configuration, category by category; on several ranks also with a sharded optimizer.</summary>
    public static void Print(RunConfiguration configuration, int ranks)
    {
        ModelConfiguration model = configuration.Model;
        BatchPlan batch = BatchPlan.Resolve(configuration.Training, model.ContextLength, ranks);
        using OpenDevice gpu = Gpu(configuration.Training.Precision);
        IOperations operations = gpu.Operations;
        bool shards = ranks > 1;
        TrainingMemory whole = Plan(configuration, operations, ranks, batch.MicroBatch, isSharded: false);
        TrainingMemory sharded = shards ? Plan(configuration, operations, ranks, batch.MicroBatch, isSharded: true) : whole;
        Line("parameters", $"{whole.Parameters.Catalogue.ParameterCount:N0}");
        Line("ranks", $"{ranks}, each with a micro-batch of {batch.MicroBatch} × {batch.ContextLength} tokens");
        Line("step", $"{batch.AccBatchSize:N0} tokens in {batch.MicroSteps} micro-steps of {batch.BatchJump:N0}");
        Line("planned for", $"{operations.Storage.ShortName()} on a GPU, everything kept for the backward pass");
        Console.WriteLine();
        Console.WriteLine($"{"category",-14}{"GiB a rank",12}{(shards ? $"{"sharded",12}" : "")}  largest");
        foreach (MemoryCategory category in Enum.GetValues<MemoryCategory>())
        {
            (Tensor Tensor, MemoryCategory Category, long OffsetBytes, long Bytes) largest =
                whole.Plan.Placements.Where(p => p.Category == category).MaxBy(p => p.Bytes);
            Row(
                category.ToString().ToLowerInvariant(), whole.Plan.BytesOf(category), shards ? sharded.Plan.BytesOf(category) : null,
                string.Create(CultureInfo.InvariantCulture, $"  {largest.Tensor?.Name} {largest.Bytes / Gibibyte:0.000}"));
        }

        Row("total", whole.Plan.TotalBytes, shards ? sharded.Plan.TotalBytes : null, "");
        Console.WriteLine();
        int most = Largest(configuration, operations, ranks, isSharded: false);
        Line("on 32 GB", $"a micro-batch of up to {Fits(most)}");
        if (shards)
        {
            Line("", $"a micro-batch of up to {Fits(Largest(configuration, operations, ranks, isSharded: true))} with training.shard_optimizer");
        }
    }

    /// <summary>Every preset on one of several GPUs in fp16, with and without a sharded optimizer.</summary>
    public static void PrintPresets(int ranks)
    {
        using OpenDevice gpu = Gpu(Precision.Fp16);
        IOperations operations = gpu.Operations;
        Console.WriteLine();
        Console.WriteLine($"Memory of each of {ranks} GPUs, fp16, whole and with training.shard_optimizer:");
        Console.WriteLine();
        Console.WriteLine($"{"preset",-12}{"parameters",17}{"micro-batch",13}{"GiB",9}{"sharded",9}   {"largest micro-batch on 32 GB",-28}");
        foreach (string name in PresetCatalog.Names)
        {
            RunConfiguration configuration = new ConfigurationLayers().AddPreset(name).Build();
            int microBatch = MicroBatchOf(configuration.Training, ranks);
            TrainingMemory whole = Plan(configuration, operations, ranks, microBatch, isSharded: false);
            TrainingMemory sharded = Plan(configuration, operations, ranks, microBatch, isSharded: true);
            int most = Largest(configuration, operations, ranks, isSharded: false);
            int mostSharded = Largest(configuration, operations, ranks, isSharded: true);
            Console.WriteLine(string.Create(
                CultureInfo.InvariantCulture,
                $"{name,-12}{whole.Parameters.Catalogue.ParameterCount,17:N0}{microBatch,13}{whole.Plan.TotalBytes / Gibibyte,9:0.0}" +
                $"{sharded.Plan.TotalBytes / Gibibyte,9:0.0}   {Fits(most)}, sharded {Fits(mostSharded)}"));
        }
    }

    private static string Fits(int microBatch) => microBatch == 0 ? "none" : microBatch.ToString(CultureInfo.InvariantCulture);

    // A batch_size that the ranks do not divide is rounded up: the plan is for a look, not for a run.
    private static int MicroBatchOf(TrainingConfiguration training, int ranks) =>
        training.MicroBatch ?? Math.Max(1, ((training.BatchSize ?? ranks) + ranks - 1) / ranks);

    private static OpenDevice Gpu(Precision precision)
    {
        CudaOperations operations = GpuOperations.ForPlanning(precision switch
        {
            Precision.Fp16 => DataType.Float16,
            Precision.Bf16 => DataType.BFloat16,
            _ => DataType.Float32,
        });
        return new OpenDevice(operations.Device, operations);
    }

    private static TrainingMemory Plan(RunConfiguration configuration, IOperations operations, int ranks, int microBatch, bool isSharded)
    {
        RankLayout? layout = ranks == 1
            ? null
            : RankLayout.From(configuration.Training, 0, ranks) with { ShardsOptimizer = isSharded };
        return new TrainingMemory(
            configuration.Model, operations, microBatch, ActivationPolicy.KeepAll, configuration.Training.SampleEvery > 0, layout);
    }

    private static int Largest(RunConfiguration configuration, IOperations operations, int ranks, bool isSharded) => MemoryBudget.LargestMicroBatch(
        microBatch => Plan(configuration, operations, ranks, microBatch, isSharded), MemoryBudget.Of32Gigabytes);

    private static void Row(string name, long whole, long? sharded, string note) => Console.WriteLine(string.Create(
        CultureInfo.InvariantCulture,
        $"{name,-14}{whole / Gibibyte,12:0.000}{(sharded is { } part ? string.Create(CultureInfo.InvariantCulture, $"{part / Gibibyte,12:0.000}") : "")}{note}"));

    private static void Line(string name, FormattableString value) => Console.WriteLine($"{name,-14}{value.ToString(CultureInfo.InvariantCulture)}");
}
