using System;
using GptEngine.Engine.Configuration;
using GptEngine.Engine.Ranks;
using GptEngine.Kernels.Common;
using GptEngine.Runtime.Communication;
using GptEngine.Runtime.Memory;

namespace GptEngine.Engine.Model;

/// <summary>
/// The weights of a model in planned memory: masters, and, where the storage type is another, the compute copy that the forward and
/// backward passes read. Where the types agree the two are one. Where ranks shard the optimizer, each has masters of its share alone, and
/// the compute weights of all.
/// </summary>
public sealed class ParameterArena
{
    private readonly ParameterTensors? _master;
    private readonly ArenaShard _compute;

    /// <param name="plan">Takes the memory.</param>
    /// <param name="model">The shape.</param>
    /// <param name="operations">Whose types count.</param>
    /// <param name="layout">The ranks that train it; null for a process alone.</param>
    public ParameterArena(MemoryPlan plan, ModelConfiguration model, IOperations operations, RankLayout? layout = null)
    {
        ArgumentNullException.ThrowIfNull(plan);
        ArgumentNullException.ThrowIfNull(operations);
        Model = model;
        Catalogue = new ParameterCatalogue(model);
        Map = new ArenaMap(Catalogue, layout, operations.Master);
        bool hasCopy = operations.Storage != operations.Master;
        bool isSharded = hasCopy && layout is { ShardsOptimizer: true };
        Tensor master = plan.Persistent(
            "parameters", MemoryCategory.Parameters, operations.Master, isSharded ? Map.ShareCount : Map.ArenaCount);
        Tensor compute = hasCopy
            ? plan.Persistent("parameters.compute", MemoryCategory.Parameters, operations.Storage, Map.ArenaCount)
            : master;
        _master = isSharded ? null : new ParameterTensors(model, Catalogue, master);
        Compute = hasCopy ? new ParameterTensors(model, Catalogue, compute) : _master!;
        MasterShard = new ArenaShard(Map, master);
        _compute = hasCopy ? new ArenaShard(Map, compute) : MasterShard;
    }

    public ModelConfiguration Model { get; }

    public ParameterCatalogue Catalogue { get; }

    /// <summary>How the ranks cut the arena.</summary>
    public ArenaMap Map { get; }

    /// <summary>What AdamW updates and checkpoints hold, as far as it is here.</summary>
    public ArenaShard MasterShard { get; }

    /// <summary>The same by name, where all of it is here.</summary>
    public ParameterTensors Master => _master ?? throw new InvalidOperationException("this rank has masters of its share alone");

    /// <summary>What the passes read.</summary>
    public ParameterTensors Compute { get; }

    /// <summary>The same by the ranks' shares.</summary>
    public ArenaShard ComputeShard => _compute;

    /// <summary>The arena that AdamW also writes in storage type; null where the masters serve.</summary>
    public Tensor? ComputeCopy => ReferenceEquals(MasterShard, _compute) ? null : Compute.Arena;

    /// <summary>
    /// Brings everything up to date after this rank's share of the masters was written from outside: the other ranks' shares, and the
    /// compute copy. Every rank calls it.
    /// </summary>
    /// <param name="operations">Where they are.</param>
    /// <param name="collectives">Joins the ranks; null for a process alone.</param>
    public void Complete(IOperations operations, Communicator? collectives = null)
    {
        ArgumentNullException.ThrowIfNull(operations);
        if (!MasterShard.IsWhole)
        {
            for (int i = 0; i < MasterShard.Slices.Count; i++)
            {
                operations.Cast(MasterShard.Slices[i], _compute.Slices[i]);
            }

            _compute.Complete(collectives ?? throw new ArgumentNullException(nameof(collectives)));
            return;
        }

        if (collectives is not null)
        {
            MasterShard.Complete(collectives);
        }

        if (ComputeCopy is { } copy)
        {
            operations.Cast(MasterShard.Memory, copy);
        }
    }
}
