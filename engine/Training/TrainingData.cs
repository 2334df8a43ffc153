using System;
using GptEngine.Engine.Configuration;
using GptEngine.Engine.Data;
using GptEngine.Engine.Data.Streaming;
using GptEngine.Runtime;

namespace GptEngine.Engine.Training;

/// <summary>The streams of a run: its own from <c>data.path</c>, or its caller's.</summary>
internal sealed class TrainingData : IDisposable
{
    private readonly TokenStream? _ownTrain;
    private readonly TokenStream? _ownValidation;

    public TrainingData(RunConfiguration configuration, in BatchPlan batch, TrainingSessionOptions options)
    {
        DocumentToken = configuration.Model.DocumentMask ? configuration.Data.DocumentToken : -1;
        try
        {
            Sampler = new BatchSampler(OpenTrain(configuration, options, out _ownTrain, out Dataset? dataset), new TokenLoaderOptions
            {
                ContextLength = batch.ContextLength,
                MicroBatch = batch.MicroBatch,
                AccBatchSize = batch.AccBatchSize,
                WorldSize = batch.WorldSize,
                Rank = options.Group?.Rank ?? 0,
                Order = configuration.Data.Order == Configuration.DataOrder.Shuffled ? Data.Streaming.DataOrder.Shuffled : Data.Streaming.DataOrder.Sequential,
                Seed = configuration.Training.Seed,
                DocumentToken = DocumentToken,
            });
            _ownValidation = dataset is { HasValidation: true } && configuration.Training.EvalEvery > 0
                ? dataset.OpenValidation(configuration.Model.VocabSize)
                : null;
            Validation = dataset is null ? options.ValidationTokens : _ownValidation;
            RequireOneWindow(Validation, configuration);
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    public BatchSampler Sampler { get; }

    /// <summary>Null where there is none, or nobody asks.</summary>
    public ITokenSource? Validation { get; }

    /// <summary>The token that opens a document; negative where there is no mask.</summary>
    public int DocumentToken { get; }

    public void Dispose()
    {
        _ownTrain?.Dispose();
        _ownValidation?.Dispose();
    }

    private static ITokenSource OpenTrain(
        RunConfiguration configuration, TrainingSessionOptions options, out TokenStream? own, out Dataset? dataset)
    {
        own = null;
        dataset = null;
        if (options.Tokens is { } given)
        {
            return given;
        }

        string path = configuration.Data.Path
            ?? throw new UserErrorException("No data to train on. Name the folder that gpt prepare wrote with --data.", ExitCode.Usage);
        dataset = Dataset.Open(path);
        return own = dataset.OpenTrain(configuration.Model.VocabSize);
    }

    // Said before the first step, not hours later at the first evaluation.
    private static void RequireOneWindow(ITokenSource? validation, RunConfiguration configuration)
    {
        int context = configuration.Model.ContextLength;
        if (validation is not null && configuration.Training.EvalEvery > 0 && validation.Count <= context)
        {
            throw new UserErrorException(
                $"{validation.Name} has {validation.Count} tokens, and one evaluation window takes {context + 1}. " +
                "Prepare with a larger --val-fraction, or set training.eval_every to 0.");
        }
    }
}
