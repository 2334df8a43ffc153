using System;
using GptEngine.Engine.Configuration;
using GptEngine.Runtime.Memory;

namespace GptEngine.Engine.Ranks;

/// <summary>How the ranks of a run share the work between steps; enough to plan memory for any number of them without any being there.</summary>
/// <param name="Rank">This one, from 0.</param>
/// <param name="WorldSize">How many there are.</param>
public sealed record RankLayout(int Rank, int WorldSize)
{
    /// <summary>Whether each rank keeps masters and moments of its own shard alone: ZeRO stage 1 (Rajbhandari et al. 2020, section 5.1).</summary>
    public bool ShardsOptimizer { get; init; }

    /// <summary>Bytes of gradients that are reduced at once.</summary>
    public long BucketBytes { get; init; } = new TrainingConfiguration().BucketBytes;

    /// <summary>The type in which gradients travel; null for their own.</summary>
    public DataType? ReducedType { get; init; }

    /// <summary>What a configuration says.</summary>
    public static RankLayout From(TrainingConfiguration training, int rank, int worldSize)
    {
        ArgumentNullException.ThrowIfNull(training);
        return new RankLayout(rank, worldSize)
        {
            ShardsOptimizer = training.ShardOptimizer,
            BucketBytes = training.BucketBytes,
            ReducedType = training.ReducePrecision switch
            {
                ReducePrecision.Fp16 => DataType.Float16,
                ReducePrecision.Bf16 => DataType.BFloat16,
                _ => null,
            },
        };
    }
}
