using System.Collections.Generic;
using System.IO;
using System.Linq;
using GptEngine.Engine.Configuration;
using GptEngine.Engine.Training;
using GptEngine.Runtime;
using GptEngine.Tests.Training;
using NUnit.Framework;

namespace GptEngine.Tests.Ranks;

/// <summary>Checkpoints that do not know how many ranks wrote them, nor how many will read them.</summary>
public sealed class RankedCheckpointTests
{
    private static readonly string[] Files = ["model.safetensors", "optimizer.safetensors", "config.json"];

    private string _folder = null!;

    [SetUp]
    public void SetUp() => _folder = TestRuns.NewFolder();

    [TearDown]
    public void TearDown() => Directory.Delete(_folder, recursive: true);

    [Test]
    public void SavedByEight_GoesOnWithAnyNumber([Values] bool savedSharded, [Values] bool resumedSharded, [Values(1, 7, 8)] int resumed)
    {
        RecordingObserver whole = RankedRuns.Alone(RankedRuns.Small);
        RankedRuns.Run(8, RankedRuns.Small.Steps(3).Sharded(savedSharded), _folder);
        RecordingObserver after = RankedRuns.Run(resumed, RankedRuns.Small.Sharded(resumedSharded), _folder, resume: true)[0];
        Assert.That(after.Opening!.StepInit, Is.EqualTo(3));
        foreach ((StepReport ours, StepReport expected) in after.Steps.Zip(whole.Steps.Skip(3)))
        {
            Assert.That(ours.Loss, Is.EqualTo(expected.Loss).Within(1e-4).Percent);
            Assert.That(ours.GradNorm, Is.EqualTo(expected.GradNorm).Within(1e-3).Percent);
        }
    }

    [Test]
    public void SavedByEight_GoesOnWithAProcessAlone()
    {
        RecordingObserver whole = RankedRuns.Alone(RankedRuns.Small);
        RankedRuns.Run(8, RankedRuns.Small.Steps(3).Sharded(), _folder);
        RecordingObserver after = RankedRuns.Alone(RankedRuns.Small, _folder, resume: true);
        Assert.That(after.Steps.Select(step => step.Loss), Is.EqualTo(whole.Steps.Skip(3).Select(step => step.Loss)).Within(1e-4).Percent);
    }

    [Test]
    public void SameWorldSize_GoesOnToTheBit([Values] bool sharded, [Values(1, 4)] int world)
    {
        RunConfiguration configuration = RankedRuns.Small.Sharded(sharded);
        RecordingObserver whole = RankedRuns.Run(world, configuration, At("whole"))[0];
        RankedRuns.Run(world, configuration.Steps(3), At("parts"));
        RecordingObserver after = RankedRuns.Run(world, configuration, At("parts"), resume: true)[0];
        Assert.That(after.Steps.Select(step => (step.Loss, step.GradNorm)), Is.EqualTo(whole.Steps.Skip(3).Select(step => (step.Loss, step.GradNorm))));
        foreach (string file in Files)
        {
            Assert.That(Bytes("parts", 6, file), Is.EqualTo(Bytes("whole", 6, file)), file);
        }
    }

    /// <summary>Without clipping the weights are the same to the bit, and so must the files be, whoever wrote which part of them.</summary>
    [Test]
    public void WholeAndSharded_WriteTheSameFiles()
    {
        RunConfiguration configuration = RankedRuns.Small with { Optimizer = RankedRuns.Small.Optimizer with { Clip = 0 } };
        RankedRuns.Run(4, configuration, At("whole"));
        RankedRuns.Run(4, configuration.Sharded(), At("sharded"));
        foreach (string file in Files)
        {
            Assert.That(Bytes("sharded", 6, file), Is.EqualTo(Bytes("whole", 6, file)), file);
        }
    }

    /// <summary>What is written is what the step left, whatever the steps after it do meanwhile.</summary>
    [Test]
    public void Steps_GoOnBeforeACheckpointIsWhole([Values] bool sharded)
    {
        RunConfiguration configuration = RankedRuns.Small.Steps(6, checkpointEvery: 3).Sharded(sharded);
        var events = new Events();
        RankedRuns.Run(2, configuration, At("whole"), change: (rank, options) =>
            rank == 0 ? options with { Observers = [events] } : options);
        RankedRuns.Run(2, configuration.Steps(3), At("short"));
        Assert.That(events.Lines.IndexOf("checkpoint 3"), Is.GreaterThan(events.Lines.IndexOf("step 4")));
        Assert.That(events.Lines[^1], Is.EqualTo("checkpoint 6"));
        foreach (string file in Files)
        {
            Assert.That(Bytes("whole", 3, file), Is.EqualTo(Bytes("short", 3, file)), file);
        }
    }

    [Test]
    public void ACheckpointThatCannotBePublished_EndsTheRun([Values(1, 4)] int world)
    {
        // A folder of the checkpoint's name cannot step aside for it: what would be its name meanwhile is that of a file.
        UserErrorException error = Assert.Throws<UserErrorException>(() => RankedRuns.Run(
            world, RankedRuns.Small.Steps(2000, checkpointEvery: 2), _folder, change: (rank, options) => options with
            {
                Observers = [new RecordingObserver { AfterStep = step => Obstruct(rank, step) }],
            }))!;
        Assert.That(error.Message, Does.Contain("step-00000002").And.Contain("MiB are free there").And.Contain("make room"));
    }

    [Test]
    public void Rollback_GoesBackOnAllRanks([Values] bool sharded)
    {
        RunConfiguration configuration = RankedRuns.Small.Steps(8, checkpointEvery: 2).Sharded(sharded);
        configuration = configuration with { Training = configuration.Training with { MaxBadSteps = 2, OnDivergence = DivergenceAction.Rollback } };

        // Micro-steps 8 to 11 are steps 5 and 6.
        RecordingObserver[] ranks = RankedRuns.Run(
            2, configuration, _folder,
            wrap: (rank, operations) => rank == 1
                ? FaultyOperations.Create(operations, microStep => microStep is 9 or 11, nameof(operations.EmbeddingBackward), argument: 2)
                : operations);
        Assert.That(ranks[0].Warnings, Has.Some.Contains("rolled back").And.Some.Contains("step-00000004"));
        foreach (RecordingObserver rank in ranks)
        {
            Assert.That(rank.Steps.Select(step => step.Step), Is.EqualTo(new long[] { 1, 2, 3, 4, 5, 6, 5, 6, 7, 8 }));
            Assert.That(rank.Steps.Select(step => step.Loss), Is.EqualTo(ranks[0].Steps.Select(step => step.Loss)));
        }
    }

    [Test]
    public void DamagedNewest_IsPassedOverByAll()
    {
        RankedRuns.Run(4, RankedRuns.Small.Steps(4, checkpointEvery: 2), _folder);
        string weights = PathOf("", 4, "model.safetensors");
        byte[] bytes = File.ReadAllBytes(weights);
        bytes[^7] ^= 1;
        File.WriteAllBytes(weights, bytes);
        RecordingObserver[] ranks = RankedRuns.Run(4, RankedRuns.Small, _folder, resume: true);
        Assert.That(ranks.Select(rank => rank.Opening!.StepInit), Is.All.EqualTo(2));
        Assert.That(ranks[0].Warnings, Has.Some.Contains("checksum"));
    }

    [Test]
    public void RankThatSeesAnotherFolder_IsNamed()
    {
        Directory.CreateDirectory(At("other/checkpoints"));
        UserErrorException error = Assert.Throws<UserErrorException>(() => RankedRuns.Run(
            4, RankedRuns.Small, At("run"), change: (rank, options) => rank == 2 ? options with { RunFolder = At("other") } : options))!;
        Assert.That(error.ExitCode, Is.EqualTo(ExitCode.Usage));
        Assert.That(error.Message, Does.Contain("storage that their hosts share"));
        Assert.That(Directory.GetFiles(At("run/checkpoints")), Is.Empty);
    }

    [Test]
    public void NewRun_InAFolderWithCheckpoints_IsRefusedByAll()
    {
        RankedRuns.Run(2, RankedRuns.Small.Steps(1), _folder);
        UserErrorException error = Assert.Throws<UserErrorException>(() => RankedRuns.Run(2, RankedRuns.Small, _folder))!;
        Assert.That(error.Message, Does.Contain("--resume"));
    }

    private void Obstruct(int rank, long step)
    {
        if (rank == 0 && step == 1)
        {
            Directory.CreateDirectory(PathOf("", 2, ""));
            File.WriteAllText(Path.Combine(_folder, "checkpoints", ".replaced-step-00000002"), "");
        }
    }

    private string At(string run) => Path.Combine(_folder, run);

    private string PathOf(string run, long step, string file) => Path.Combine(At(run), "checkpoints", $"step-{step:D8}", file);

    private byte[] Bytes(string run, long step, string file) => File.ReadAllBytes(PathOf(run, step, file));

    private sealed class Events : ITrainingObserver
    {
        public List<string> Lines { get; } = [];

        public void OnStep(in StepReport report) => Lines.Add($"step {report.Step}");

        public void OnCheckpoint(long step, string folder) => Lines.Add($"checkpoint {step}");
    }
}
