using System;
using System.Linq;
using GptEngine.Engine.Configuration;
using GptEngine.Engine.Data.Streaming;
using GptEngine.Kernels.Conformance;

namespace GptEngine.Engine.SelfTesting;

/// <summary>How much is run, and on what.</summary>
public sealed record SelfTestPlan
{
    private const int SmallVocabulary = 97;
    private const int LargerVocabulary = 251;

    /// <summary>Of the inputs and of the model's weights.</summary>
    public int Seed { get; init; } = 1;

    /// <summary>Only rows whose title has all of these words; empty for all.</summary>
    public string Filter { get; init; } = "";

    /// <summary>The sizes that operations are compared at.</summary>
    public required CaseSizes Sizes { get; init; }

    /// <summary>The short training run; an even number of steps.</summary>
    public required RunConfiguration Training { get; init; }

    /// <summary>Whether every kernel of the catalogue is launched.</summary>
    public required bool LaunchesKernels { get; init; }

    /// <summary>Whether bandwidth and matrix rate are measured.</summary>
    public required bool MeasuresRates { get; init; }

    /// <summary>What was left out of it, for people; empty for nothing.</summary>
    public required string LeftOut { get; init; }

    /// <summary>What suits a device.</summary>
    /// <param name="device">What is under test.</param>
    /// <param name="full">Whether every size is run, for as long as that takes.</param>
    public static SelfTestPlan For(SelfTestDevice device, bool full) => new()
    {
        Sizes = full ? CaseSizes.Full : device == SelfTestDevice.Simulated ? CaseSizes.Small : CaseSizes.Standard,
        Training = device == SelfTestDevice.Gpu ? Larger : device == SelfTestDevice.Simulated ? Small with { Training = Small.Training with { Steps = 4 } } : Small,
        LaunchesKernels = device == SelfTestDevice.Gpu || (full && device == SelfTestDevice.Simulated),
        MeasuresRates = device != SelfTestDevice.Simulated,
        LeftOut = device switch
        {
            SelfTestDevice.Cpu => "On the CPU there are no kernels to launch and no graphs to replay.",
            SelfTestDevice.Simulated =>
                "On a simulated GPU sizes are small and the runs have 4 steps, matrix products are computed on the host, and nothing is timed. " +
                "'gpt kernels check' launches every kernel with all checks on. A real GPU may still differ: run this on it.",
            _ => full ? "" : "Sizes are a choice; --full runs all that the kernels claim.",
        },
    };

    /// <summary>What the short run reads.</summary>
    internal SyntheticTokens Tokens => new(20_000, Training.Model.VocabSize, Training.Data.DocumentToken, documentLength: 11, seed: 5);

    private static RunConfiguration Small { get; } = new()
    {
        Model = new ModelConfiguration { VocabSize = SmallVocabulary, ContextLength = 16, DModel = 24, NLayers = 2, NHeads = 3, Dropout = 0.1f },
        Data = new DataConfiguration { DocumentToken = 3 },
        Optimizer = new OptimizerConfiguration { LearningRate = 3e-3f, X0 = 500, X1 = 4000 },
        Training = new TrainingConfiguration
        {
            MicroBatch = 2,
            AccBatchSize = 64,
            Steps = 20,
            CheckpointEvery = 0,
            EvalEvery = 0,
            SampleEvery = 0,
            Seed = 7,
        },
    };

    /// <summary>Large enough for tensor cores and packs: heads of 64, more than one tile of rows.</summary>
    private static RunConfiguration Larger { get; } = Small with
    {
        Model = Small.Model with { VocabSize = LargerVocabulary, ContextLength = 96, DModel = 128, NHeads = 2 },
        Optimizer = Small.Optimizer with { LearningRate = 1e-3f, X0 = 2000, X1 = 16_000 },
        Training = Small.Training with { MicroBatch = 4, AccBatchSize = 768 },
    };

    internal bool Wants(string title) =>
        Filter.Split([' ', ','], StringSplitOptions.RemoveEmptyEntries).All(word => title.Contains(word, StringComparison.OrdinalIgnoreCase));
}
