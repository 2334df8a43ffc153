using System;
using System.Linq;
using GptEngine.Engine.Configuration;
using GptEngine.Engine.Generation;
using GptEngine.Engine.Model;
using GptEngine.Engine.Ranks;
using GptEngine.Kernels.Common;
using GptEngine.Runtime.Memory;

namespace GptEngine.Engine.Training;

/// <summary>
/// All device memory of a training run, planned: nothing is taken here, so that the plan of any model can be printed on any machine.
/// </summary>
public sealed class TrainingMemory
{
    /// <param name="model">Its shape.</param>
    /// <param name="operations">Whose storage types and workspace sizes count.</param>
    /// <param name="microBatch">Sequences of one rank in a micro-step.</param>
    /// <param name="policy">What the forward pass keeps.</param>
    /// <param name="samples">Whether text is generated along the way, which needs a key/value cache.</param>
    /// <param name="layout">The ranks of the run; null for a process alone.</param>
    public TrainingMemory(
        ModelConfiguration model, IOperations operations, int microBatch, ActivationPolicy policy, bool samples, RankLayout? layout = null)
    {
        ArgumentNullException.ThrowIfNull(operations);
        Plan = new MemoryPlan();
        Parameters = new ParameterArena(Plan, model, operations, layout);
        ArenaMap map = Parameters.Map;
        long arena = map.ArenaCount;
        Gradients = new ParameterTensors(
            model, Parameters.Catalogue, Plan.Persistent("gradients", MemoryCategory.Gradients, operations.Master, arena));
        ReducedGradients = layout?.ReducedType is { } type && type != operations.Master
            ? Plan.Persistent("gradients.reduced", MemoryCategory.Gradients, type, arena)
            : null;
        bool isSharded = layout is { ShardsOptimizer: true };
        FirstMoment = Moment("first_moment", operations, isSharded);
        SecondMoment = Moment("second_moment", operations, isSharded);
        SquareSums = isSharded
            ? Plan.Persistent(
                "gradients.square_sums", MemoryCategory.Inputs, operations.Master, map.Share.Sum(range => operations.GradientSquaresCount(range.Count)))
            : null;
        Batch = new BatchTensors(Plan, microBatch, model.ContextLength);
        AllScalars = Plan.Persistent("step_scalars", MemoryCategory.Inputs, DataType.Float32, RankScalars.Count(layout));
        Scalars = AllScalars.View("step_scalars.own", 0, StepScalars.Count);
        SummedScalars = AllScalars.View("step_scalars.summed", RankScalars.SumStart, AllScalars.Count - RankScalars.SumStart);
        Tables = new PositionTables(Plan, model, operations);
        Activations = new ModelActivations(Plan, model, operations, microBatch, policy);
        Inference = samples ? new InferenceTensors(Plan, model, operations) : null;
        long bytes = Math.Max(GptModel.WorkspaceBytes(model, operations, microBatch), operations.GradientNormWorkspaceBytes(arena));
        bytes = Math.Max(bytes, samples ? InferenceTensors.WorkspaceBytes(model, operations) : 0);
        Workspace = Plan.Persistent("workspace", MemoryCategory.Workspace, DataType.Float32, (bytes + sizeof(float) - 1) / sizeof(float));
    }

    public MemoryPlan Plan { get; }

    public ParameterArena Parameters { get; }

    public ParameterTensors Gradients { get; }

    /// <summary>The gradients as they travel between ranks; null where that is their own type.</summary>
    public Tensor? ReducedGradients { get; }

    public ArenaShard FirstMoment { get; }

    public ArenaShard SecondMoment { get; }

    /// <summary>Sums of squares of this rank's part of every bucket's gradients; null unless the optimizer is sharded.</summary>
    public Tensor? SquareSums { get; }

    public BatchTensors Batch { get; }

    /// <summary>fp32: the step scalars, and behind them in a run of ranks what those tell each other.</summary>
    public Tensor AllScalars { get; }

    /// <summary>(<see cref="StepScalars.Count"/>) fp32: what kernels see of them.</summary>
    public Tensor Scalars { get; }

    /// <summary>fp32: from the loss on, what is summed over the ranks of a run.</summary>
    public Tensor SummedScalars { get; }

    public PositionTables Tables { get; }

    public ModelActivations Activations { get; }

    /// <summary>What generating samples needs; null where none are.</summary>
    public InferenceTensors? Inference { get; }

    public Tensor Workspace { get; }

    private ArenaShard Moment(string name, IOperations operations, bool isSharded)
    {
        ArenaMap map = Parameters.Map;
        return new ArenaShard(map, Plan.Persistent(name, MemoryCategory.Optimizer, operations.Master, isSharded ? map.ShareCount : map.ArenaCount));
    }
}
