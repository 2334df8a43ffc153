using System;
using System.IO;
using System.Linq;
using System.Threading;
using GptEngine.Engine.Configuration;
using GptEngine.Engine.Training;
using GptEngine.Kernels.Common;
using GptEngine.Runtime;
using GptEngine.Runtime.Devices;
using NUnit.Framework;

namespace GptEngine.Tests.Training;

public sealed class ResumeTests
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

    [TestCase(DataOrder.Sequential, 0f)]
    [TestCase(DataOrder.Shuffled, 0.2f)]
    public void FortySteps_EqualTwentyStopTwenty_ToTheBit(DataOrder order, float dropout)
    {
        RunConfiguration configuration = With(order, dropout);
        RecordingObserver whole = TestRuns.Run(configuration, _operations, At("whole"));
        RecordingObserver first = InterruptAfter(20, configuration, At("parts"));
        RecordingObserver second = TestRuns.Run(configuration, _operations, At("parts"), resume: true);
        Assert.That(second.Opening!.StepInit, Is.EqualTo(20));
        Assert.That(first.Steps.Concat(second.Steps).Select(Bits), Is.EqualTo(whole.Steps.Select(Bits)));
        foreach (string file in new[] { "model.safetensors", "optimizer.safetensors", "config.json" })
        {
            string name = Path.Combine("checkpoints", "step-00000040", file);
            Assert.That(File.ReadAllBytes(Path.Combine(At("parts"), name)), Is.EqualTo(File.ReadAllBytes(Path.Combine(At("whole"), name))), file);
        }
    }

    [Test]
    public void Resume_DamagedNewest_FallsBackAndSaysSo()
    {
        RunConfiguration configuration = Every(10, steps: 20);
        RecordingObserver whole = TestRuns.Run(configuration, _operations, At("run"));
        string weights = Path.Combine(At("run"), "checkpoints", "step-00000020", "model.safetensors");
        byte[] bytes = File.ReadAllBytes(weights);
        bytes[^7] ^= 1;
        File.WriteAllBytes(weights, bytes);
        RecordingObserver again = TestRuns.Run(configuration, _operations, At("run"), resume: true);
        Assert.That(again.Warnings.Single(), Does.Contain("checksum").And.Contain("step-00000020"));
        Assert.That(again.Opening!.StepInit, Is.EqualTo(10));
        Assert.That(again.Steps.Select(Bits), Is.EqualTo(whole.Steps.Skip(10).Select(Bits)));
    }

    [Test]
    public void Resume_BehindADamagedCheckpoint_KeepsWhatItWrites()
    {
        TestRuns.Run(Every(10, steps: 20), _operations, At("run"));
        string checkpoints = Path.Combine(At("run"), "checkpoints");
        File.Delete(Path.Combine(checkpoints, "step-00000020", "model.safetensors"));
        RunConfiguration configuration = Every(5, steps: 15);
        configuration = configuration with { Training = configuration.Training with { KeepCheckpoints = 1 } };
        RecordingObserver again = TestRuns.Run(configuration, _operations, At("run"), resume: true);
        Assert.That(again.Opening!.StepInit, Is.EqualTo(10));
        Assert.That(
            Directory.GetDirectories(checkpoints).Select(Path.GetFileName), Is.EquivalentTo(new[] { "step-00000015", "abandoned-step-00000020" }));
    }

    [Test]
    public void Resume_RenamedCheckpoint_IsNotTakenForAnother()
    {
        TestRuns.Run(Every(10, steps: 20), _operations, At("run"));
        string checkpoints = Path.Combine(At("run"), "checkpoints");
        Directory.Move(Path.Combine(checkpoints, "step-00000010"), Path.Combine(checkpoints, "step-00000030"));
        RecordingObserver again = TestRuns.Run(Every(10, steps: 20), _operations, At("run"), resume: true);
        Assert.That(again.Opening!.StepInit, Is.EqualTo(20));
        Assert.That(again.Warnings.Single(), Does.Contain("renamed"));
    }

    [Test]
    public void Resume_NamedCheckpointOfAnotherModel_LeavesLaterOnesAlone()
    {
        TestRuns.Run(Every(10, steps: 20), _operations, At("run"));
        RunConfiguration other = Every(10, steps: 20);
        other = other with { Model = other.Model with { NLayers = 1 } };
        Assert.Throws<UserErrorException>(() => TestRuns.Run(other, _operations, At("run"), resume: true, from: "step-00000010"));
        Assert.That(Path.Combine(At("run"), "checkpoints", "step-00000020"), Does.Exist);
    }

    [Test]
    public void Resume_FlippedDigitInState_IsRefused()
    {
        TestRuns.Run(Every(0, steps: 2), _operations, At("run"));
        string state = Path.Combine(At("run"), "checkpoints", "step-00000002", "state.json");
        File.WriteAllText(state, File.ReadAllText(state).Replace("\"step\": 2", "\"step\": 3", StringComparison.Ordinal));
        UserErrorException error = Assert.Throws<UserErrorException>(
            () => TestRuns.Run(Every(0, steps: 2), _operations, At("run"), resume: true, from: "step-00000002"))!;
        Assert.That(error.Message, Does.Contain("checksum"));
    }

    [Test]
    public void Resume_NamedCheckpoint_SetsLaterOnesAside()
    {
        RunConfiguration configuration = Every(10, steps: 30);
        RecordingObserver whole = TestRuns.Run(configuration, _operations, At("run"));
        RecordingObserver again = TestRuns.Run(configuration, _operations, At("run"), resume: true, from: "step-00000010");
        Assert.That(again.Notes, Has.Some.Contains("abandoned-step-00000020").And.Some.Contains("abandoned-step-00000030"));
        Assert.That(again.Steps.Select(Bits), Is.EqualTo(whole.Steps.Skip(10).Select(Bits)));
    }

    [Test]
    public void Resume_UnknownCheckpoint_NamesThoseThereAre()
    {
        TestRuns.Run(Every(0, steps: 2), _operations, At("run"));
        UserErrorException error = Assert.Throws<UserErrorException>(
            () => TestRuns.Run(Every(0, steps: 2), _operations, At("run"), resume: true, from: "step-00000007"))!;
        Assert.That(error.ExitCode, Is.EqualTo(ExitCode.Usage));
        Assert.That(error.Message, Does.Contain("step-00000002"));
    }

    [Test]
    public void Resume_OtherModel_NamesTheKeys()
    {
        RunConfiguration configuration = Every(0, steps: 2);
        TestRuns.Run(configuration, _operations, At("run"));
        configuration = configuration with { Model = configuration.Model with { NLayers = 1, NHeads = 2 } };
        UserErrorException error = Assert.Throws<UserErrorException>(
            () => TestRuns.Run(configuration, _operations, At("run"), resume: true))!;
        Assert.That(error.Message, Does.Contain("model.n_layers").And.Contain("model.n_heads"));
    }

    [Test]
    public void Resume_ChangedHyperparameters_AreLogged()
    {
        RunConfiguration configuration = Every(0, steps: 2);
        TestRuns.Run(configuration, _operations, At("run"));
        configuration = configuration with
        {
            Optimizer = configuration.Optimizer with { LearningRate = 1e-3f },
            Training = configuration.Training with { Steps = 3 },
        };
        RecordingObserver again = TestRuns.Run(configuration, _operations, At("run"), resume: true);
        Assert.That(again.Notes, Has.Some.Contains("optimizer.learning_rate: 0.003 → 0.001").And.Some.Contains("training.steps: 2 → 3"));
        Assert.That(again.Steps, Has.Count.EqualTo(1));
    }

    [Test]
    public void NewRun_InFolderWithCheckpoints_IsRefused()
    {
        TestRuns.Run(Every(0, steps: 1), _operations, At("run"));
        UserErrorException error = Assert.Throws<UserErrorException>(() => TestRuns.Run(Every(0, steps: 1), _operations, At("run")))!;
        Assert.That(error.Message, Does.Contain("--resume"));
    }

    [Test]
    public void KeepCheckpoints_KeepsTheLatest()
    {
        RunConfiguration configuration = Every(2, steps: 10);
        configuration = configuration with { Training = configuration.Training with { KeepCheckpoints = 2 } };
        TestRuns.Run(configuration, _operations, At("run"));
        string[] names = [.. Directory.GetFileSystemEntries(Path.Combine(At("run"), "checkpoints")).Select(p => Path.GetFileName(p)).Order()];
        Assert.That(names, Is.EqualTo(new[] { "step-00000008", "step-00000010" }));
    }

    [TestCase(".writing-step-00000004", "step-00000002")]
    [TestCase(".deleting-step-00000001", "step-00000002")]
    public void Resume_LeftoversOfAKill_AreClearedAway(string leftover, string expected)
    {
        TestRuns.Run(Every(0, steps: 2), _operations, At("run"));
        string folder = Path.Combine(At("run"), "checkpoints");
        Directory.CreateDirectory(Path.Combine(folder, leftover));
        File.WriteAllText(Path.Combine(folder, leftover, "model.safetensors"), "half");
        TestRuns.Run(Every(0, steps: 2), _operations, At("run"), resume: true);
        Assert.That(Directory.GetDirectories(folder).Select(p => Path.GetFileName(p)), Is.EqualTo(new[] { expected }));
    }

    [Test]
    public void Resume_KilledBetweenTheRenamesOfAReplacement_FindsTheOldOne()
    {
        TestRuns.Run(Every(0, steps: 2), _operations, At("run"));
        string folder = Path.Combine(At("run"), "checkpoints");
        Directory.Move(Path.Combine(folder, "step-00000002"), Path.Combine(folder, ".replaced-step-00000002"));
        RecordingObserver again = TestRuns.Run(Every(0, steps: 2), _operations, At("run"), resume: true);
        Assert.That(again.Opening!.StepInit, Is.EqualTo(2));
    }

    private static (long, long, int, int, int) Bits(StepReport step) => (
        step.Step, step.Tokens, BitConverter.SingleToInt32Bits(step.Loss), BitConverter.SingleToInt32Bits(step.GradNorm),
        BitConverter.SingleToInt32Bits(step.LearningRate));

    private static RunConfiguration With(DataOrder order, float dropout) => TestRuns.Small with
    {
        Model = TestRuns.Small.Model with { Dropout = dropout },
        Data = TestRuns.Small.Data with { Order = order },
    };

    private static RunConfiguration Every(int checkpointEvery, long steps) => TestRuns.Small with
    {
        Training = TestRuns.Small.Training with { CheckpointEvery = checkpointEvery, Steps = steps },
    };

    private RecordingObserver InterruptAfter(long step, RunConfiguration configuration, string folder)
    {
        using var stop = new CancellationTokenSource();
        var observer = new RecordingObserver
        {
            AfterStep = done =>
            {
                if (done == step)
                {
                    stop.Cancel();
                }
            },
        };
        var options = new TrainingSessionOptions { RunFolder = folder, Tokens = TestRuns.Tokens, Observers = [observer] };
        using TrainingSession session = TrainingSession.Create(configuration, _operations, options);
        Assert.That(session.Run(stop.Token), Is.EqualTo(TrainingOutcome.Interrupted));
        return observer;
    }

    private string At(string name) => Path.Combine(_folder, name);
}
