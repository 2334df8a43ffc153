using System;
using System.Collections.Generic;
using System.IO;
using System.Threading;
using GptEngine.Engine.Checkpoints;
using GptEngine.Engine.Configuration;
using GptEngine.Engine.Model;
using GptEngine.Kernels.Common;
using GptEngine.Runtime;
using GptEngine.Runtime.Memory;

namespace GptEngine.Engine.Generation;

/// <summary>
/// Goes on from a prompt, token by token. Of a prompt longer than the context its last three quarters of a context are read; when the
/// context is full, generation goes on from its last half, read anew: so it is never without at least half a context behind it.
/// </summary>
public sealed class Generator : IDisposable
{
    private readonly InferenceModel _model;
    private readonly PlannedMemory? _memory;

    internal Generator(InferenceModel model, PlannedMemory? memory = null)
    {
        _model = model;
        _memory = memory;
    }

    /// <summary>The shape of the model that generates.</summary>
    public ModelConfiguration Model => _model.Model;

    /// <summary>Loads weights from a checkpoint, a folder of weights, or a run folder's newest checkpoint.</summary>
    /// <exception cref="UserErrorException">The weights are missing or damaged, or the device has not enough memory.</exception>
    public static Generator FromCheckpoint(string folder, IOperations operations)
    {
        ArgumentNullException.ThrowIfNull(operations);
        folder = WeightFolder.Resolve(folder);
        ModelConfiguration model = ModelFile.Read(folder);
        var plan = new MemoryPlan();
        var parameters = new ParameterArena(plan, model, operations);
        WeightFiles.CheckModel(Path.Combine(folder, ModelFile.WeightsName), parameters.Catalogue);
        var tables = new PositionTables(plan, model, operations);
        var tensors = new InferenceTensors(plan, model, operations);
        long bytes = InferenceTensors.WorkspaceBytes(model, operations);
        Tensor workspace = plan.Persistent("workspace", MemoryCategory.Workspace, DataType.Float32, (bytes + sizeof(float) - 1) / sizeof(float));
        var memory = new PlannedMemory(operations.Device, plan);
        try
        {
            operations.BindWorkspace(workspace);
            using var transfer = new TensorTransfer(operations.Device);
            tables.Fill(transfer);
            CheckpointStore.LoadWeights(folder, parameters, operations, transfer);
            return new Generator(new InferenceModel(new ModelContext(operations, model, parameters.Compute, tables), tensors), memory);
        }
        catch
        {
            memory.Dispose();
            throw;
        }
    }

    /// <summary>Generates until the document token, the most tokens, or cancellation.</summary>
    /// <param name="prompt">What to go on from; empty starts a document.</param>
    /// <param name="options">How.</param>
    /// <param name="onToken">Takes each token as it comes; the document token that ends the text is not handed over.</param>
    /// <param name="cancellation">Ends generation after the current token.</param>
    /// <returns>How many tokens were generated.</returns>
    /// <exception cref="UserErrorException">An option or a token is out of range.</exception>
    public int Generate(ReadOnlySpan<int> prompt, GenerationOptions options, Action<int> onToken, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(onToken);
        options.Check();
        List<int> tokens = Start(prompt, options);
        var sampling = new SamplingOptions(options.Temperature, options.TopK, options.TopP, options.Seed);
        int context = Model.ContextLength;
        int cached = 0;
        for (int generated = 0; generated < options.MaxTokens; generated++)
        {
            if (cancellation.IsCancellationRequested)
            {
                return generated;
            }

            cached = Advance(tokens, cached, context, options.DocumentToken);
            int token = _model.Sample(tokens.Count, sampling, Math.Min(Model.VocabSize, options.VocabularySize));
            if (token == options.DocumentToken)
            {
                return generated;
            }

            tokens.Add(token);
            onToken(token);
        }

        return options.MaxTokens;
    }

    public void Dispose()
    {
        _model.Dispose();
        _memory?.Dispose();
    }

    private List<int> Start(ReadOnlySpan<int> prompt, GenerationOptions options)
    {
        var tokens = new List<int>(prompt.Length + Math.Min(options.MaxTokens, 1 << 16) + 1);
        if (prompt.IsEmpty)
        {
            // A model whose vocabulary has no document token still needs something to go on from.
            tokens.Add(options.DocumentToken < Model.VocabSize && options.DocumentToken >= 0 ? options.DocumentToken : 0);
        }

        CheckPrompt(prompt, Model.VocabSize);
        tokens.AddRange(prompt);
        return tokens;
    }

    /// <summary>Throws unless every token of a prompt is one of the model's.</summary>
    /// <exception cref="UserErrorException">Usage; names the token.</exception>
    internal static void CheckPrompt(ReadOnlySpan<int> prompt, int vocabSize)
    {
        foreach (int token in prompt)
        {
            if (token < 0 || token >= vocabSize)
            {
                throw new UserErrorException(
                    $"The prompt holds token {token}, and the model's vocabulary has {vocabSize}. Use the tokenizer it was trained with.",
                    ExitCode.Usage);
            }
        }
    }

    // Brings the cache up to the last token, and the logits with it. Returns how many tokens the cache then holds.
    private int Advance(List<int> tokens, int cached, int context, int documentToken)
    {
        if (cached > 0 && cached < context)
        {
            _model.Decode(cached);
            return cached + 1;
        }

        int keep = cached > 0
            ? Math.Max(1, context / 2)
            : tokens.Count <= context ? tokens.Count : Math.Max(1, context - (context / 4));
        ReadOnlySpan<int> all = System.Runtime.InteropServices.CollectionsMarshal.AsSpan(tokens);
        _model.Prefill(all[^keep..], documentToken);
        return keep;
    }
}
