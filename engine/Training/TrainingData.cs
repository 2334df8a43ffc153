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
        ITokenSource train;
        if (options.Tokens is { } given)
        {
            train = given;
            Validation = options.ValidationTokens;
        }
        else
        {
            string path = configuration.Data.Path
                ?? throw new UserErrorException("No data to train on. Name the folder that gpt prepare wrote with --data.", ExitCode.Usage);
            Dataset dataset = Dataset.Open(path);
            train = _ownTrain = dataset.OpenTrain(configuration.Model.VocabSize);
            Validation = _ownValidation = dataset.HasValidation && configuration.Training.EvalEvery > 0
                ? dataset.OpenValidation(configuration.Model.VocabSize)
                : null;
        }

        Sampler = new BatchSampler(train, new TokenLoaderOptions
        {
            ContextLength = batch.ContextLength,
            MicroBatch = batch.MicroBatch,
            AccBatchSize = batch.AccBatchSize,
            WorldSize = batch.WorldSize,
            Rank = options.Rank,
            Order = configuration.Data.Order == Configuration.DataOrder.Shuffled ? Data.Streaming.DataOrder.Shuffled : Data.Streaming.DataOrder.Sequential,
            Seed = configuration.Training.Seed,
            DocumentToken = DocumentToken,
        });
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
}
