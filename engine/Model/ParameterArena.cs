using System;
using GptEngine.Engine.Configuration;
using GptEngine.Kernels.Common;
using GptEngine.Runtime.Memory;

namespace GptEngine.Engine.Model;

/// <summary>
/// The weights of a model in planned memory: masters, and, where the storage type is another, the compute copy that the forward and
/// backward passes read. Where the types agree the two are one.
/// </summary>
public sealed class ParameterArena
{
    public ParameterArena(MemoryPlan plan, ModelConfiguration model, IOperations operations)
    {
        ArgumentNullException.ThrowIfNull(plan);
        ArgumentNullException.ThrowIfNull(operations);
        Model = model;
        Catalogue = new ParameterCatalogue(model);
        Tensor master = plan.Persistent("parameters", MemoryCategory.Parameters, operations.Master, Catalogue.ArenaCount);
        Master = new ParameterTensors(model, Catalogue, master);
        Compute = operations.Storage == operations.Master
            ? Master
            : new ParameterTensors(
                model, Catalogue, plan.Persistent("parameters.compute", MemoryCategory.Parameters, operations.Storage, Catalogue.ArenaCount));
    }

    public ModelConfiguration Model { get; }

    public ParameterCatalogue Catalogue { get; }

    /// <summary>What AdamW updates and checkpoints hold.</summary>
    public ParameterTensors Master { get; }

    /// <summary>What the passes read.</summary>
    public ParameterTensors Compute { get; }

    /// <summary>The arena that AdamW also writes in storage type; null where the masters serve.</summary>
    public Tensor? ComputeCopy => ReferenceEquals(Master, Compute) ? null : Compute.Arena;

    /// <summary>Brings the compute copy up to date after the masters were written from outside.</summary>
    public void RefreshCompute(IOperations operations)
    {
        ArgumentNullException.ThrowIfNull(operations);
        if (ComputeCopy is { } copy)
        {
            operations.Cast(Master.Arena, copy);
        }
    }
}
