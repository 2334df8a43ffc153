using System;
using System.Linq;
using GptEngine.Engine.Configuration;
using GptEngine.Engine.Optimization;
using GptEngine.Engine.Training;
using GptEngine.Kernels.Common;
using GptEngine.Runtime;
using GptEngine.Runtime.Devices;
using NUnit.Framework;

namespace GptEngine.Tests.Training;

public sealed class TrainingSessionTests
{
    private CpuDevice _device = null!;
    private IOperations _operations = null!;

    [SetUp]
    public void SetUp()
    {
        _device = new CpuDevice(1);
        _operations = CpuOperations.Create(_device);
    }

    [TearDown]
    public void TearDown()
    {
        ((IDisposable)_operations).Dispose();
        _device.Dispose();
    }

    [Test]
    public void Step_AllocatesNothingManaged()
    {
        var meter = new AllocationMeter();
        var options = new TrainingSessionOptions { Tokens = TestRuns.Tokens, Observers = [meter] };
        RunConfiguration configuration = TestRuns.Small with { Model = TestRuns.Small.Model with { Dropout = 0.1f } };
        using TrainingSession session = TrainingSession.Create(configuration, _operations, options);
        session.Run();

        // The first steps run code for the first time.
        Assert.That(meter.BytesPerStep.Skip(5).Max(), Is.Zero);
    }

    [Test]
    public void Intervals_EvaluateAndSampleTheSameWayEachTime()
    {
        RunConfiguration configuration = TestRuns.Small with
        {
            Optimizer = TestRuns.Small.Optimizer with { LearningRate = 0 },
            Training = TestRuns.Small.Training with { Steps = 6, EvalEvery = 2, SampleEvery = 3, EvalBatches = 3 },
        };
        RecordingObserver observer = TestRuns.Run(configuration, _operations);
        Assert.Multiple(() =>
        {
            Assert.That(observer.Evaluations.Select(e => e.Step), Is.EqualTo(new[] { 2, 4, 6 }));
            Assert.That(observer.Evaluations.Select(e => e.Loss).Distinct().Count(), Is.EqualTo(1));
            Assert.That(observer.Evaluations[0].Perplexity, Is.EqualTo(Math.Exp(observer.Evaluations[0].Loss)));
            Assert.That(observer.Samples, Has.Count.EqualTo(2));
            Assert.That(observer.Samples[0], Is.EqualTo(observer.Samples[1]));
        });
    }

    [Test]
    public void Dropout_DoesNotDependOnTheMicroBatch()
    {
        RunConfiguration configuration = TestRuns.Small with
        {
            Model = TestRuns.Small.Model with { Dropout = 0.3f },
            Training = TestRuns.Small.Training with { Steps = 6 },
        };
        RecordingObserver two = TestRuns.Run(configuration, _operations);
        RecordingObserver eight = TestRuns.Run(configuration with { Training = configuration.Training with { MicroBatch = 8 } }, _operations);
        RecordingObserver again = TestRuns.Run(configuration, _operations);
        RecordingObserver otherSeed = TestRuns.Run(configuration with { Training = configuration.Training with { Seed = 8 } }, _operations);
        Assert.Multiple(() =>
        {
            Assert.That(again.Steps.Select(s => s.Loss), Is.EqualTo(two.Steps.Select(s => s.Loss)));
            Assert.That(otherSeed.Steps[0].Loss, Is.Not.EqualTo(two.Steps[0].Loss));
            foreach ((StepReport a, StepReport b) in two.Steps.Zip(eight.Steps))
            {
                Assert.That(b.Loss, Is.EqualTo(a.Loss).Within(1e-3).Percent);
                Assert.That(b.GradNorm, Is.EqualTo(a.GradNorm).Within(1e-2).Percent);
            }
        });
    }

    [TestCase(Precision.Fp16)]
    [TestCase(Precision.Bf16)]
    public void Precision_ThatTheDeviceLacks_IsAUsageError(Precision precision)
    {
        RunConfiguration configuration = TestRuns.Small with { Training = TestRuns.Small.Training with { Precision = precision } };
        UserErrorException error = Assert.Throws<UserErrorException>(() => TestRuns.Run(configuration, _operations))!;
        Assert.That(error.ExitCode, Is.EqualTo(ExitCode.Usage));
        Assert.That(error.Message, Does.Contain("training.precision").And.Contain("fp32"));
    }

    [TestCase(0, 0.1)]
    [TestCase(500, 0.55)]
    [TestCase(1000, 1.0)]
    [TestCase(2000, 0.55)]
    [TestCase(3000, 0.1)]
    [TestCase(9000, 0.1)]
    public void LearningRate_FollowsTheTokens(double tokens, double expected) =>
        Assert.That(new LearningRateSchedule(2, 1000, 3000).At(tokens), Is.EqualTo(2 * expected).Within(1e-12));
}
