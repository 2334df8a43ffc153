using System;
using System.IO;
using System.Linq;
using GptEngine.Engine.Configuration;
using GptEngine.Engine.Ranks;
using GptEngine.Engine.Training;
using GptEngine.Kernels.Common;
using GptEngine.Kernels.Common.Cuda;
using GptEngine.Kernels.Common.Selection;
using GptEngine.Kernels.Linear;
using GptEngine.Runtime.Communication;
using GptEngine.Runtime.Compile;
using GptEngine.Runtime.Cuda;
using GptEngine.Runtime.Devices;
using GptEngine.Runtime.Memory;
using NUnit.Framework;

namespace GptEngine.Tests.Training;

/// <summary>What a run says, keeps and compares of the kernels that were chosen by measuring. The GPU does nothing, in no time.</summary>
public sealed class ChosenKernelsTests
{
    private const string Backward = "attention backward, bf16, B 2 T 16 H 3 D 8";

    private static readonly RunConfiguration Run = TestRuns.Small with
    {
        Training = TestRuns.Small.Training with { Steps = 4, CheckpointEvery = 2, Precision = Precision.Bf16, EvalEvery = 2, SampleEvery = 2 },
    };

    private string _folder = null!;

    [SetUp]
    public void SetUp() => _folder = TestRuns.NewFolder();

    [TearDown]
    public void TearDown() => Directory.Delete(_folder, recursive: true);

    [Test]
    public void Run_SaysWhatItRuns_AndKeepsIt()
    {
        RecordingObserver first = Train(steps: 2);
        string[] notes = [.. first.Notes.Where(note => note.StartsWith("Kernels: ", StringComparison.Ordinal))];
        Assert.That(notes[1], Does.Match($@"^Kernels: {Backward}: \w+, 0 ms \(.+\), measured now\.$"));
        Assert.That(notes, Has.Length.GreaterThan(2), "and what evaluation and samples run beside it");
        Assert.That(
            File.ReadAllText(Path.Combine(_folder, "run", "checkpoints", "step-00000002", "state.json")), Does.Contain($"\"{Backward}\": \""));

        RecordingObserver second = Train(steps: 4, resume: true);
        Assert.That(second.Notes.Where(note => note.StartsWith("Kernels: ", StringComparison.Ordinal)), Has.All.Contains("measured before"));
        Assert.That(second.Warnings, Is.Empty, "the same machine and file: the same kernels");
    }

    [Test]
    public void Resume_WithOtherKernels_IsSaid()
    {
        Train(steps: 2);
        (string before, string after) = ChooseAnother("0");

        RecordingObserver resumed = Train(steps: 4, resume: true);

        Assert.That(resumed.Warnings, Is.EqualTo(new[]
        {
            $"Since that checkpoint the kernels of {Backward} have changed from {before} to {after}: from here on bits differ from those of an uninterrupted run.",
        }));
    }

    [Test]
    public void Resume_OfACheckpointWithoutThem_SaysNothing()
    {
        var configuration = Run with { Training = Run.Training with { Precision = Precision.Fp32, Steps = 2 } };
        using (var device = new CpuDevice(1))
        {
            IOperations operations = CpuOperations.Create(device);
            TestRuns.Run(configuration, operations, Path.Combine(_folder, "run"));
            (operations as IDisposable)?.Dispose();
        }

        Assert.That(File.ReadAllText(Path.Combine(_folder, "run", "checkpoints", "step-00000002", "state.json")), Does.Not.Contain("kernels"));
        Assert.That(Train(steps: 4, resume: true).Warnings, Is.Empty);
    }

    /// <summary>Two hosts whose GPUs measured otherwise: both go on, and rank 0 says so.</summary>
    [TestCase(false, 0)]
    [TestCase(true, 1)]
    public void Ranks_ThatDiffer_AreNamed(bool differ, int notes)
    {
        Train(steps: 2, machine: "0");
        Train(steps: 2, machine: "1", folder: "other");
        if (differ)
        {
            ChooseAnother("1");
        }

        var observers = new RecordingObserver[2];
        LocalRanks.Run(2, _ => new CpuDevice(1), (group, _) =>
        {
            using CudaOperations operations = Open($"{group.Rank}");
            using Device gpu = operations.Device;
            using var session = TrainingSession.Create(Run, operations, new TrainingSessionOptions { Tokens = TestRuns.Tokens });
            observers[group.Rank] = new RecordingObserver();
            new ChosenKernels(operations, observers[group.Rank]).TellDifferences(new RankAgreement(group));
        });

        Assert.That(observers[0].Notes.Count(note => note == "Kernels: rank 1 runs others than rank 0, by what measured fastest there; 'gpt doctor' on each host shows them."), Is.EqualTo(notes));
        Assert.That(observers[1].Notes, Is.Empty);
    }

    /// <summary>As another process might have measured it.</summary>
    private (string Before, string After) ChooseAnother(string machine)
    {
        var file = new MeasuredFile(_folder, machine);
        KernelChoice choice = ChoiceText.Parse(Backward, file.Find(Backward)!)!;
        KernelChoice other = choice with { Chosen = choice.Candidates.First(candidate => candidate.Word != choice.Chosen).Word };
        file.Set(Backward, ChoiceText.Format(other));
        return (choice.Chosen, other.Chosen);
    }

    private RecordingObserver Train(int steps, bool resume = false, string machine = "0", string folder = "run")
    {
        using CudaOperations operations = Open(machine);
        using Device device = operations.Device;
        return TestRuns.Run(Run with { Training = Run.Training with { Steps = steps } }, operations, Path.Combine(_folder, folder), resume);
    }

    private CudaOperations Open(string machine)
    {
        var device = new GpuDevice(new SilentDriver());
        var queue = new KernelQueue(device.Driver, device.Stream, new CompileCache(new SilentDriver.Compiler(), _folder), ImageFormat.Ptx);
        var selector = new KernelSelector(new MeasuredFile(_folder, machine), machine, _ => { });
        return new CudaOperations(device, queue, new KernelMatrixProducts(queue), DataType.BFloat16, new GpuOptions(), selector);
    }
}
