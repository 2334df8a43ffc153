using System;
using System.Linq;
using GptEngine.Engine.Configuration;
using GptEngine.Engine.Model;
using GptEngine.Kernels.Common;
using GptEngine.Runtime.Memory;

namespace GptEngine.Engine.Generation;

/// <summary>
/// What generating text needs besides weights: one sequence's activations, shared by all layers, and the key/value cache. It lives after
/// the last phase of a micro-step, so that during training it costs no memory: it lies where the activations are.
/// </summary>
public sealed class InferenceTensors
{
    private readonly ModelConfiguration _model;
    private readonly BlockActivations _full;

    public InferenceTensors(MemoryPlan plan, ModelConfiguration model, IOperations operations)
    {
        ArgumentNullException.ThrowIfNull(plan);
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(operations);
        _model = model;
        int phase = new Phases(model.NLayers).EmbeddingBackward + 1;
        int time = model.ContextLength;
        int channels = model.DModel;
        Prompt = plan.Persistent("inference.prompt", MemoryCategory.Inputs, DataType.Int32, 2L * time);
        Ids = plan.Persistent("inference.ids", MemoryCategory.Inputs, DataType.Int32, 1);
        Tensor Storage(string name, params ReadOnlySpan<long> shape) =>
            plan.Transient("inference." + name, MemoryCategory.Activations, operations.Storage, phase, phase, shape);
        Tensor Statistic(string name, params ReadOnlySpan<long> shape) =>
            plan.Transient("inference." + name, MemoryCategory.Activations, operations.Master, phase, phase, shape);
        Tensor stream = Storage("stream", time, channels);
        Tensor norm = Storage("norm", time, channels);
        Tensor mean = Statistic("mean", time);
        Tensor rstd = Statistic("rstd", time);
        Branch = Storage("branch", time, channels);
        Logits = Storage("logits", 1, model.PaddedVocabSize);
        Keys = [.. Enumerable.Range(0, model.NLayers).Select(i => Storage($"keys.{i}", 1, model.NHeads, time, model.DHead))];
        Values = [.. Enumerable.Range(0, model.NLayers).Select(i => Storage($"values.{i}", 1, model.NHeads, time, model.DHead))];
        _full = new BlockActivations
        {
            Residual1 = stream,
            Norm1 = norm,
            Mean1 = mean,
            Rstd1 = rstd,
            Qkv = Storage("qkv", time, 3 * channels),
            Attention = Storage("attention", time, channels),
            LogSumExp = Statistic("log_sum_exp", 1, model.NHeads, time),
            Residual2 = stream,
            Norm2 = norm,
            Mean2 = mean,
            Rstd2 = rstd,
            Activated = Storage("activated", time, 4 * channels),
        };
    }

    /// <summary>(2·T) int32: the prompt's tokens, then its document starts; uploaded in one copy.</summary>
    public Tensor Prompt { get; }

    /// <summary>(1) int32: the token drawn last.</summary>
    public Tensor Ids { get; }

    /// <summary>(T, C) x.</summary>
    public Tensor Branch { get; }

    /// <summary>(1, P) x.</summary>
    public Tensor Logits { get; }

    /// <summary>(1, H, T, D) x for each layer.</summary>
    public Tensor[] Keys { get; }

    /// <summary>(1, H, T, D) x for each layer.</summary>
    public Tensor[] Values { get; }

    /// <summary>The largest scratch that any operation of inference asks for.</summary>
    public static long WorkspaceBytes(ModelConfiguration model, IOperations operations)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(operations);
        long channels = model.DModel;
        long most = operations.SampleWorkspaceBytes(1, model.PaddedVocabSize);
        foreach (long rows in (ReadOnlySpan<long>)[1, model.ContextLength])
        {
            most = Math.Max(most, operations.LinearWorkspaceBytes(rows, channels, 3 * channels));
            most = Math.Max(most, operations.LinearWorkspaceBytes(rows, channels, channels));
            most = Math.Max(most, operations.LinearWorkspaceBytes(rows, channels, 4 * channels));
            most = Math.Max(most, operations.LinearWorkspaceBytes(rows, 4 * channels, channels));
        }

        return Math.Max(most, operations.LinearWorkspaceBytes(1, channels, model.PaddedVocabSize));
    }

    /// <summary>The activations of the first <paramref name="rows"/> rows.</summary>
    internal BlockActivations Rows(int rows)
    {
        Tensor stream = _full.Residual1.Rows(0, rows);
        Tensor norm = _full.Norm1.Rows(0, rows);
        Tensor mean = _full.Mean1.Rows(0, rows);
        Tensor rstd = _full.Rstd1.Rows(0, rows);
        return new BlockActivations
        {
            Residual1 = stream,
            Norm1 = norm,
            Mean1 = mean,
            Rstd1 = rstd,
            Qkv = _full.Qkv.Rows(0, rows),
            Attention = _full.Attention.Rows(0, rows),
            LogSumExp = _full.LogSumExp.View(_full.LogSumExp.Name, 0, 1, _model.NHeads, rows),
            Residual2 = stream,
            Norm2 = norm,
            Mean2 = mean,
            Rstd2 = rstd,
            Activated = _full.Activated.Rows(0, rows),
        };
    }
}
