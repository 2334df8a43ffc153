using System.IO;
using GptEngine.Engine.Configuration;
using GptEngine.Engine.Data.Streaming;
using GptEngine.Engine.Training;
using GptEngine.Kernels.Common;

namespace GptEngine.Tests.Training;

/// <summary>Small runs on synthetic tokens.</summary>
internal static class TestRuns
{
    public const int Vocabulary = 97;

    public static RunConfiguration Small { get; } = new()
    {
        Model = new ModelConfiguration
        {
            VocabSize = Vocabulary,
            ContextLength = 16,
            DModel = 24,
            NLayers = 2,
            NHeads = 3,
        },
        Data = new DataConfiguration { DocumentToken = 3 },
        Optimizer = new OptimizerConfiguration { LearningRate = 3e-3f, X0 = 500, X1 = 4000 },
        Training = new TrainingConfiguration
        {
            MicroBatch = 2,
            AccBatchSize = 128,
            Steps = 40,
            CheckpointEvery = 0,
            EvalEvery = 0,
            SampleEvery = 0,
            Seed = 7,
        },
    };

    public static SyntheticTokens Tokens { get; } = new(1500, Vocabulary, documentToken: 3, documentLength: 11, seed: 5);

    /// <summary>A run from its start, or from what the run folder holds, to its end.</summary>
    public static RecordingObserver Run(
        RunConfiguration configuration, IOperations operations, string? folder = null, bool resume = false, string? from = null,
        RecordingObserver? observer = null)
    {
        observer ??= new RecordingObserver();
        var options = new TrainingSessionOptions
        {
            RunFolder = folder,
            Resume = resume,
            ResumeFrom = from,
            Tokens = Tokens,
            ValidationTokens = Tokens,
            SamplePrompt = [5, 9],
            SampleTokens = 8,
            Observers = [observer],
        };
        using TrainingSession session = TrainingSession.Create(configuration, operations, options);
        session.Run();
        return observer;
    }

    /// <summary>A new folder for one test; the caller deletes it.</summary>
    public static string NewFolder() => Directory.CreateTempSubdirectory("gptengine-test-").FullName;
}
