using System;
using GptEngine.Runtime.Memory;

namespace GptEngine.Engine.Model;

/// <summary>A micro-batch on the device: one int32 tensor, so that one copy uploads it, seen as its four parts.</summary>
public sealed class BatchTensors
{
    public BatchTensors(MemoryPlan plan, int batch, int time)
    {
        ArgumentNullException.ThrowIfNull(plan);
        long rows = (long)batch * time;
        All = plan.Persistent("batch", MemoryCategory.Inputs, DataType.Int32, (3 * rows) + batch);
        Tokens = All.View("batch.tokens", 0, batch, time);
        Targets = All.View("batch.targets", rows, batch, time);
        DocumentStart = All.View("batch.document_start", 2 * rows, batch, time);
        SequenceIndex = All.View("batch.sequence_index", 3 * rows, batch);
    }

    /// <summary>(3·B·T + B) int32.</summary>
    public Tensor All { get; }

    /// <summary>(B, T).</summary>
    public Tensor Tokens { get; }

    /// <summary>(B, T).</summary>
    public Tensor Targets { get; }

    /// <summary>(B, T): index within its sequence of the first key that each query sees.</summary>
    public Tensor DocumentStart { get; }

    /// <summary>(B): index of each sequence within the optimizer step's window.</summary>
    public Tensor SequenceIndex { get; }
}
