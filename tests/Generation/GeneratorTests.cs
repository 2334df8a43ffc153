using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using GptEngine.Engine.Configuration;
using GptEngine.Engine.Evaluation;
using GptEngine.Engine.Generation;
using GptEngine.Kernels.Common;
using GptEngine.Runtime;
using GptEngine.Runtime.Devices;
using GptEngine.Tests.Training;
using NUnit.Framework;

namespace GptEngine.Tests.Generation;

public sealed class GeneratorTests
{
    private CpuDevice _device = null!;
    private IOperations _operations = null!;
    private string _folder = null!;

    [SetUp]
    public void SetUp()
    {
        _device = new CpuDevice(1);
        _operations = CpuOperations.Create(_device);
        _folder = TestRuns.NewFolder();
    }

    [TearDown]
    public void TearDown()
    {
        Directory.Delete(_folder, recursive: true);
        ((IDisposable)_operations).Dispose();
        _device.Dispose();
    }

    [TestCase(PositionKind.Sinusoidal)]
    [TestCase(PositionKind.Learned)]
    [TestCase(PositionKind.Rotary)]
    public void CachedDecoding_EqualsTheFullForwardPass(PositionKind positions)
    {
        using Generator generator = Trained(positions);
        var options = new GenerationOptions { MaxTokens = 12, Temperature = 1, Seed = 4, DocumentToken = -1 };
        int[] prompt = [7, 3, 12];
        List<int> cached = Generate(generator, prompt, options);
        var full = new List<int>();
        for (int i = 0; i < cached.Count; i++)
        {
            full.AddRange(Generate(generator, [.. prompt, .. full], options with { MaxTokens = 1 }));
        }

        Assert.That(full, Is.EqualTo(cached));
        Assert.That(cached, Has.Count.EqualTo(12));
        Assert.That(cached.Distinct().Count(), Is.GreaterThan(1));
    }

    [Test]
    public void SameSeed_SameText_OtherSeed_OtherText()
    {
        using Generator generator = Trained(PositionKind.Sinusoidal);
        var options = new GenerationOptions { MaxTokens = 40, Temperature = 1, Seed = 4, DocumentToken = -1 };
        List<int> first = Generate(generator, [7], options);
        Assert.That(Generate(generator, [7], options), Is.EqualTo(first));
        Assert.That(Generate(generator, [7], options with { Seed = 5 }), Is.Not.EqualTo(first));
        Assert.That(first, Has.Count.EqualTo(40), "goes on past the context of 16");
    }

    [Test]
    public void LongPrompt_ReadsItsEnd()
    {
        using Generator generator = Trained(PositionKind.Rotary);
        var options = new GenerationOptions { MaxTokens = 3, Temperature = 0, DocumentToken = -1 };
        int[] prompt = [.. Enumerable.Range(0, 100).Select(i => i % TestRuns.Vocabulary)];
        Assert.That(Generate(generator, prompt, options), Is.EqualTo(Generate(generator, prompt[^12..], options)));
    }

    [Test]
    public void DocumentToken_EndsTheText()
    {
        using Generator generator = Trained(PositionKind.Sinusoidal);
        var options = new GenerationOptions { MaxTokens = 8, Temperature = 0, DocumentToken = -1 };
        List<int> endless = Generate(generator, [7], options);
        Assert.That(Generate(generator, [7], options with { DocumentToken = endless[0] }), Is.Empty);
    }

    [Test]
    public void Prompt_OutsideTheVocabulary_IsAUsageError()
    {
        using Generator generator = Trained(PositionKind.Sinusoidal);
        UserErrorException error = Assert.Throws<UserErrorException>(
            () => Generate(generator, [TestRuns.Vocabulary], new GenerationOptions()))!;
        Assert.That(error.ExitCode, Is.EqualTo(ExitCode.Usage));
    }

    [Test]
    public void Evaluator_DoesNotDependOnTheBatch()
    {
        Trained(PositionKind.Rotary).Dispose();
        using Evaluator one = Evaluator.FromCheckpoint(Path.Combine(_folder, "run"), _operations, 1);
        EvaluationResult alone = one.Evaluate(TestRuns.Tokens, 3);
        using Evaluator seven = Evaluator.FromCheckpoint(Path.Combine(_folder, "run"), _operations, 7);
        EvaluationResult together = seven.Evaluate(TestRuns.Tokens, 3);
        Assert.That(together.Tokens, Is.EqualTo(alone.Tokens).And.EqualTo(1499 / 16 * 16));
        Assert.That(together.Loss, Is.EqualTo(alone.Loss).Within(1e-4).Percent);
    }

    [Test]
    public void FolderWithoutWeights_IsAUsageError()
    {
        UserErrorException error = Assert.Throws<UserErrorException>(() => Generator.FromCheckpoint(_folder, _operations).Dispose())!;
        Assert.That(error.ExitCode, Is.EqualTo(ExitCode.Usage));
    }

    // A few steps at a high rate, so that what comes next depends on what was before.
    private Generator Trained(PositionKind positions)
    {
        RunConfiguration configuration = TestRuns.Small with
        {
            Model = TestRuns.Small.Model with { Positions = positions },
            Optimizer = TestRuns.Small.Optimizer with { LearningRate = 0.03f },
            Training = TestRuns.Small.Training with { Steps = 20 },
        };
        string run = Path.Combine(_folder, "run");
        TestRuns.Run(configuration, _operations, run);
        return Generator.FromCheckpoint(run, _operations);
    }

    private static List<int> Generate(Generator generator, int[] prompt, GenerationOptions options)
    {
        var tokens = new List<int>();
        Assert.That(generator.Generate(prompt, options, tokens.Add), Is.EqualTo(tokens.Count));
        return tokens;
    }
}
