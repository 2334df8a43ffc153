using System.Collections.Generic;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace GptEngine.Engine.Checkpoints;

/// <summary>
/// <c>state.json</c>: everything that a run needs to go on bit for bit besides weights and moments. All random numbers come from
/// counters (seed, step, position), so that the random state is the seed and the step.
/// </summary>
public sealed record CheckpointState
{
    /// <summary>The version of this file's format.</summary>
    public const int CurrentFormat = 1;

    public required int Format { get; init; }

    /// <summary>Optimizer steps done.</summary>
    public required long Step { get; init; }

    /// <summary>Tokens seen, n of the learning rate.</summary>
    public required long Tokens { get; init; }

    /// <summary>Data position: the window that the next step reads. Ahead of the step after a rollback, which leaves bad windows out.</summary>
    public required long Window { get; init; }

    /// <summary>Tokens of a window: acc_batch_size as resolved.</summary>
    public required long WindowTokens { get; init; }

    public required ulong Seed { get; init; }

    public required float LossScale { get; init; }

    public required float GoodSteps { get; init; }

    /// <summary>Updates that AdamW has applied.</summary>
    public required uint AppliedUpdates { get; init; }

    /// <summary>Bad steps in a row up to here.</summary>
    public required int BadSteps { get; init; }

    /// <summary>The whole configuration of the run; told apart from the current one on resume.</summary>
    public required JsonElement Configuration { get; init; }

    /// <summary>Which kernels ran where several could: a word by operation and shape. Null on a device without such a choice, and in older checkpoints.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public Dictionary<string, string>? Kernels { get; init; }

    /// <summary>Size and checksum of the other files of the checkpoint.</summary>
    public required Dictionary<string, FileChecksum> Files { get; init; }

    /// <summary>SHA-256 of this file, with 64 zeros in this value's place.</summary>
    public required string StateSha256 { get; init; }
}
