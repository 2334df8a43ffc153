using System;
using System.IO;
using GptEngine.Engine.Checkpoints;
using GptEngine.Engine.Configuration;
using GptEngine.Engine.Data.Streaming;
using GptEngine.Engine.Model;
using GptEngine.Engine.Ranks;
using GptEngine.Kernels.Common;
using GptEngine.Runtime;
using GptEngine.Runtime.Memory;

namespace GptEngine.Engine.Evaluation;

/// <summary>Weights from a checkpoint, held against a token stream.</summary>
public sealed class Evaluator : IDisposable
{
    private readonly PlannedMemory _memory;
    private readonly StreamLoss _loss;

    private Evaluator(ModelConfiguration model, PlannedMemory memory, StreamLoss loss)
    {
        Model = model;
        _memory = memory;
        _loss = loss;
    }

    /// <summary>The shape of the model.</summary>
    public ModelConfiguration Model { get; }

    /// <summary>Loads weights from a checkpoint, a folder of weights, or a run folder's newest checkpoint.</summary>
    /// <param name="folder">Where the weights are.</param>
    /// <param name="operations">Where to run.</param>
    /// <param name="batch">Sequences at a time; the result does not depend on it.</param>
    /// <exception cref="UserErrorException">The weights are missing or damaged, or the device has not enough memory.</exception>
    public static Evaluator FromCheckpoint(string folder, IOperations operations, int batch = 8)
    {
        ArgumentNullException.ThrowIfNull(operations);
        ArgumentOutOfRangeException.ThrowIfLessThan(batch, 1);
        folder = WeightFolder.Resolve(folder);
        ModelConfiguration model = ModelFile.Read(folder);
        var plan = new MemoryPlan();
        var parameters = new ParameterArena(plan, model, operations);
        WeightFiles.CheckModel(Path.Combine(folder, ModelFile.WeightsName), parameters.Catalogue);
        var tables = new PositionTables(plan, model, operations);
        var tensors = new BatchTensors(plan, batch, model.ContextLength);
        Tensor scalars = plan.Persistent("step_scalars", MemoryCategory.Inputs, DataType.Float32, StepScalars.Count);
        var activations = new ModelActivations(plan, model, operations, batch, ActivationPolicy.RecomputeBlocks);
        long bytes = GptModel.WorkspaceBytes(model, operations, batch);
        Tensor workspace = plan.Persistent("workspace", MemoryCategory.Workspace, DataType.Float32, (bytes + sizeof(float) - 1) / sizeof(float));
        var memory = new PlannedMemory(operations.Device, plan);
        try
        {
            operations.BindWorkspace(workspace);
            using var transfer = new TensorTransfer(operations.Device);
            tables.Fill(transfer);
            CheckpointStore.LoadWeights(folder, parameters, operations, transfer);
            var gpt = new GptModel(new ModelContext(operations, model, parameters.Compute, tables), null, activations, tensors, scalars);
            return new Evaluator(model, memory, new StreamLoss(operations, gpt, tensors));
        }
        catch
        {
            memory.Dispose();
            throw;
        }
    }

    /// <summary>Loss and perplexity over a stream.</summary>
    /// <param name="source">The stream.</param>
    /// <param name="documentToken">The token that opens a document.</param>
    /// <param name="mostWindows">Windows of the context's length at most; all by default.</param>
    /// <param name="onProgress">Takes windows done and windows in all; may be null.</param>
    /// <exception cref="UserErrorException">The stream has not one window, or a token outside the vocabulary.</exception>
    public EvaluationResult Evaluate(
        ITokenSource source, int documentToken, long mostWindows = long.MaxValue, Action<long, long>? onProgress = null) =>
        _loss.Measure(source, mostWindows, Model.DocumentMask ? documentToken : -1, RankAgreement.Alone, onProgress);

    public void Dispose()
    {
        _loss.Dispose();
        _memory.Dispose();
    }
}
