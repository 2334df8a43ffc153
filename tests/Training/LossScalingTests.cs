using System;
using System.IO;
using System.Linq;
using GptEngine.Engine.Checkpoints;
using GptEngine.Engine.Configuration;
using GptEngine.Engine.Training;
using GptEngine.Kernels.Common.Cuda;
using GptEngine.Runtime.Devices;
using GptEngine.Runtime.Memory;
using GptEngine.Runtime.Simulator.Checks;
using GptEngine.Tests.Kernels;
using NUnit.Framework;

namespace GptEngine.Tests.Training;

/// <summary>
/// Training in fp16 whose gradients overflow for real, replayed as graphs: from a checkpoint with a loss scale that fp16 cannot hold, or one
/// good step short of the next. Every run is done twice, in one go and stopped in the middle.
/// </summary>
[RequiresNvrtc]
[TestFixture(70)]
[TestFixture(80)]
public sealed class LossScalingTests(int architecture)
{
    private const float LargestScale = 1 << 24;
    private const int GrowthInterval = 1000;
    private const int Start = 2;

    private CudaOperations _operations = null!;
    private Device _device = null!;
    private string _folder = null!;

    [SetUp]
    public void SetUp()
    {
        _operations = SimulatedOperations.Create(architecture, DataType.Float16, new GpuOptions(), SimulatorChecks.None);
        _device = _operations.Device;
        _folder = TestRuns.NewFolder();
    }

    [TearDown]
    public void TearDown()
    {
        Directory.Delete(_folder, recursive: true);
        _operations.Dispose();
        _device.Dispose();
    }

    [Test]
    public void Overflow_SkipsSteps_AndGrowthIsTriedAgain_WhereverTheRunStops()
    {
        const int settled = 10;
        const int grown = 14;
        RecordingObserver plain = Train("plain", Start + 1, resume: false);
        Train("whole", Start, resume: false);
        (RecordingObserver falling, CheckpointState fallen) = TrainTwice(Start, LargestScale, goodSteps: 0, stop: 6, settled);

        int skipped = falling.Steps.Count(step => !step.IsApplied);
        Assert.Multiple(() =>
        {
            Assert.That(skipped, Is.InRange(1, 3));
            Assert.That(falling.Steps.Take(skipped).Select(step => step.IsApplied), Has.All.False, "skipped first, and never again");
            Assert.That(falling.Steps.Select(step => step.Loss), Has.All.Matches<float>(float.IsFinite), "the loss is not scaled");
            Assert.That(falling.Steps[0].Loss, Is.EqualTo(plain.Steps[Start].Loss), "that of the run without an overflow");
            Assert.That(fallen.LossScale, Is.EqualTo(LargestScale / (1 << skipped)));
            Assert.That(fallen.GoodSteps, Is.EqualTo(settled - Start - skipped));
            Assert.That(fallen.AppliedUpdates, Is.EqualTo(settled - skipped));
        });

        // Two good steps double the scale to what overflowed before.
        (RecordingObserver growing, CheckpointState again) = TrainTwice(settled, fallen.LossScale, GrowthInterval - 2, stop: settled + 2, grown);
        Assert.Multiple(() =>
        {
            Assert.That(growing.Steps.Select(step => step.IsApplied), Is.EqualTo(new[] { true, true, false, true }));
            Assert.That(again.LossScale, Is.EqualTo(fallen.LossScale));
            Assert.That(again.GoodSteps, Is.EqualTo(1));
            Assert.That(again.AppliedUpdates, Is.EqualTo(fallen.AppliedUpdates + 3));
        });
    }

    /// <summary>From the checkpoint at a step, with another loss scale and count of good steps, to the end: in one go, and in two.</summary>
    /// <returns>What the run in one go reported, and where it ended: the other did to the bit.</returns>
    private (RecordingObserver Run, CheckpointState End) TrainTwice(int from, float lossScale, float goodSteps, int stop, int end)
    {
        string checkpoint = Checkpoint("whole", from);
        CheckpointState before = StateFile.Read(checkpoint);
        File.Delete(Path.Combine(checkpoint, StateFile.Name));
        StateFile.Write(checkpoint, before with { LossScale = lossScale, GoodSteps = goodSteps });
        string cut = Checkpoint("cut", from);
        Directory.CreateDirectory(cut);
        foreach (string file in Directory.GetFiles(checkpoint))
        {
            File.Copy(file, Path.Combine(cut, Path.GetFileName(file)), overwrite: true);
        }

        RecordingObserver whole = Train("whole", end, resume: true);
        RecordingObserver first = Train("cut", stop, resume: true);
        RecordingObserver second = Train("cut", end, resume: true);
        CheckpointState state = StateFile.Read(Checkpoint("whole", end));
        CheckpointState other = StateFile.Read(Checkpoint("cut", end));
        Assert.Multiple(() =>
        {
            Assert.That(second.Opening!.StepInit, Is.EqualTo(stop));
            Assert.That(first.Steps.Concat(second.Steps).Select(Bits), Is.EqualTo(whole.Steps.Select(Bits)));
            Assert.That((other.LossScale, other.GoodSteps, other.AppliedUpdates), Is.EqualTo((state.LossScale, state.GoodSteps, state.AppliedUpdates)));
            Assert.That(other.Files.Select(file => (file.Key, file.Value.Sha256)), Is.EquivalentTo(state.Files.Select(file => (file.Key, file.Value.Sha256))));
        });
        return (whole, state);
    }

    private RecordingObserver Train(string run, int steps, bool resume)
    {
        RunConfiguration configuration = TestRuns.Small with { Training = TestRuns.Small.Training with { Precision = Precision.Fp16, Steps = steps } };
        Directory.CreateDirectory(Path.Combine(_folder, run));
        return TestRuns.Run(configuration, _operations, Path.Combine(_folder, run), resume);
    }

    private string Checkpoint(string run, int step) => Path.Combine(_folder, run, "checkpoints", $"step-{step:D8}");

    private static (long, int, int, bool) Bits(StepReport step) =>
        (step.Step, BitConverter.SingleToInt32Bits(step.Loss), BitConverter.SingleToInt32Bits(step.GradNorm), step.IsApplied);
}
