using System;
using System.IO;
using System.Linq;
using GptEngine.Engine.Configuration;
using GptEngine.Kernels.Common;
using GptEngine.Runtime;
using GptEngine.Runtime.Devices;
using NUnit.Framework;

namespace GptEngine.Tests.Training;

public sealed class DivergenceTests
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

    [Test]
    public void OneBadStep_LeavesTheWeights_AndGoesOn()
    {
        RecordingObserver observer = TestRuns.Run(Configuration(DivergenceAction.Stop), Bad(step => step == 3));
        Assert.Multiple(() =>
        {
            Assert.That(observer.Steps.Where(s => !s.IsApplied).Select(s => s.Step), Is.EqualTo(new[] { 4 }));
            Assert.That(observer.Steps.Select(s => s.Loss), Is.All.Matches<float>(float.IsFinite));
            Assert.That(observer.Warnings.Single(), Does.Contain("Step 4").And.Contain("1 of 3"));
        });
    }

    [Test]
    public void TooManyInARow_Stop_NamesTheLastGoodCheckpoint()
    {
        UserErrorException error = Assert.Throws<UserErrorException>(
            () => TestRuns.Run(Configuration(DivergenceAction.Stop), Bad(step => step >= 7), _folder))!;
        Assert.That(error.ExitCode, Is.EqualTo(ExitCode.Failed));
        Assert.That(error.Message, Does.Contain("step 10").And.Contain("step-00000006"));
    }

    [Test]
    public void TooManyInARow_Rollback_GoesOnWithOtherData()
    {
        RecordingObserver observer = TestRuns.Run(Configuration(DivergenceAction.Rollback), Bad(step => step is >= 7 and < 10), _folder);
        Assert.Multiple(() =>
        {
            Assert.That(observer.Warnings, Has.Some.Contains("rolled back").And.Some.Contains("step-00000006"));
            Assert.That(observer.Steps.Select(s => s.Step), Is.EqualTo(Enumerable.Range(1, 10).Concat(Enumerable.Range(7, 6))));
            Assert.That(observer.Steps[^1].IsApplied);
            Assert.That(observer.Checkpoints, Is.EqualTo(new[] { 2, 4, 6, 8, 10, 12 }));
        });
    }

    [Test]
    public void Rollbacks_ThatDoNotHelp_EndTheRun()
    {
        UserErrorException error = Assert.Throws<UserErrorException>(
            () => TestRuns.Run(Configuration(DivergenceAction.Rollback), Bad(step => step >= 7), _folder))!;
        Assert.That(error.Message, Does.Contain("3 rollbacks"));
    }

    private static RunConfiguration Configuration(DivergenceAction action) => TestRuns.Small with
    {
        Training = TestRuns.Small.Training with { Steps = 12, CheckpointEvery = 2, MaxBadSteps = 3, OnDivergence = action },
    };

    private IOperations Bad(Func<int, bool> isBad) => FaultyOperations.Create(_operations, isBad);
}
