using System.Text.Json.Serialization;

namespace GptEngine.Engine.Configuration;

/// <summary>The arithmetic of a run.</summary>
public enum Precision
{
    [JsonStringEnumMemberName("fp32")]
    Fp32,

    [JsonStringEnumMemberName("tf32")]
    Tf32,

    [JsonStringEnumMemberName("fp16")]
    Fp16,

    [JsonStringEnumMemberName("bf16")]
    Bf16,
}

/// <summary>What the backward pass computes again, so as not to keep it; the results are the same bits.</summary>
public enum Recomputation
{
    /// <summary>The least that lets the run's memory fit the device.</summary>
    [JsonStringEnumMemberName("auto")]
    Auto,

    /// <summary>Nothing: everything is kept.</summary>
    [JsonStringEnumMemberName("none")]
    None,

    /// <summary>What the norms gave: an eighth less is kept, for two passes over memory a layer.</summary>
    [JsonStringEnumMemberName("norms")]
    Norms,

    /// <summary>Whole blocks: a fifteenth is kept, for a third more of the forward pass's time.</summary>
    [JsonStringEnumMemberName("blocks")]
    Blocks,
}

/// <summary>What to do after too many bad steps in a row.</summary>
public enum DivergenceAction
{
    /// <summary>Stop, naming the last good checkpoint.</summary>
    [JsonStringEnumMemberName("stop")]
    Stop,

    /// <summary>Go back to the last good checkpoint and go on.</summary>
    [JsonStringEnumMemberName("rollback")]
    Rollback,
}

/// <summary>The type in which gradients travel between ranks.</summary>
public enum ReducePrecision
{
    [JsonStringEnumMemberName("fp32")]
    Fp32,

    [JsonStringEnumMemberName("fp16")]
    Fp16,

    [JsonStringEnumMemberName("bf16")]
    Bf16,
}

/// <summary>How long, how much at a time, and what is kept: the <c>training</c> section.</summary>
public sealed record TrainingConfiguration
{
    /// <summary>Sequences of all GPUs in a micro-step; micro_batch × world size. Give this or <see cref="MicroBatch"/>.</summary>
    public int? BatchSize { get; set; }

    /// <summary>Sequences of one GPU in a micro-step.</summary>
    public int? MicroBatch { get; set; }

    /// <summary>Tokens an optimizer step, rounded down to a multiple of batch_jump; null for one micro-step.</summary>
    public long? AccBatchSize { get; set; }

    /// <summary>Optimizer steps in all.</summary>
    public long Steps { get; set; } = 60_000;

    public ulong Seed { get; set; } = 1;

    public Precision Precision { get; set; } = Precision.Fp32;

    /// <summary>What the backward pass computes again, so as not to keep it.</summary>
    public Recomputation Recompute { get; set; } = Recomputation.Auto;

    /// <summary>Steps between checkpoints; 0 writes one at the end only.</summary>
    public int CheckpointEvery { get; set; } = 2_000;

    /// <summary>How many of the latest checkpoints stay; 0 keeps all.</summary>
    public int KeepCheckpoints { get; set; }

    /// <summary>Steps between evaluations on the validation stream; 0 for none.</summary>
    public int EvalEvery { get; set; } = 500;

    /// <summary>
    /// Batches an evaluation reads at most, each of batch_size sequences, or of micro_batch where that is what is given: the same windows for
    /// any number of ranks.
    /// </summary>
    public int EvalBatches { get; set; } = 20;

    /// <summary>Steps between samples; 0 for none.</summary>
    public int SampleEvery { get; set; } = 500;

    /// <summary>What samples go on from.</summary>
    public string SamplePrompt { get; set; } = "The ";

    /// <summary>Bad steps in a row after which the run stops or rolls back.</summary>
    public int MaxBadSteps { get; set; } = 10;

    public DivergenceAction OnDivergence { get; set; } = DivergenceAction.Stop;

    /// <summary>Whether each rank keeps a part of the optimizer's state instead of all of it: ZeRO stage 1.</summary>
    public bool ShardOptimizer { get; set; }

    /// <summary>Bytes of gradients that ranks sum at once, while the backward pass makes the next.</summary>
    public long BucketBytes { get; set; } = 25 << 20;

    /// <summary>Half the bytes between ranks for sums that are rounded; takes memory for the rounded copies.</summary>
    public ReducePrecision ReducePrecision { get; set; } = ReducePrecision.Fp32;
}
