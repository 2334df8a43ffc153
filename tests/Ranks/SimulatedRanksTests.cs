using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Text.Json;
using GptEngine.Engine.Configuration;
using GptEngine.Engine.Training;
using GptEngine.Kernels.Common;
using GptEngine.Kernels.Common.Cuda;
using GptEngine.Runtime.Communication;
using GptEngine.Runtime.Devices;
using GptEngine.Runtime.Memory;
using GptEngine.Runtime.Simulator.Checks;
using GptEngine.Tests.Communication;
using GptEngine.Tests.Kernels;
using GptEngine.Tests.Training;
using NUnit.Framework;

namespace GptEngine.Tests.Ranks;

/// <summary>Ranks on simulated GPUs: collectives in captured work, low precision with masters of a share, the loss scale.</summary>
[RequiresNvrtc]
public sealed class SimulatedRanksTests
{
    private string _folder = null!;

    [SetUp]
    public void SetUp() => _folder = TestRuns.NewFolder();

    [TearDown]
    public void TearDown() => Directory.Delete(_folder, recursive: true);

    [TestCase(90, Precision.Fp32, true, 1e-5)]
    [TestCase(70, Precision.Fp16, false, 1e-3)]
    [TestCase(80, Precision.Bf16, true, 1e-3)]
    public void Ranks_GiveTheLossesOfOneProcess(int architecture, Precision precision, bool sharded, double tolerance)
    {
        RunConfiguration configuration = Configuration(precision);
        List<StepReport> alone = Run(1, configuration, architecture, grouped: false)[0].Steps;
        RecordingObserver[] ranks = Run(2, configuration.Sharded(sharded), architecture);
        Assert.Multiple(() =>
        {
            Assert.That(ranks[1].Steps.Select(step => step.Loss), Is.EqualTo(ranks[0].Steps.Select(step => step.Loss)));
            Assert.That(ranks[0].Steps, Has.Count.EqualTo(alone.Count));
            foreach ((StepReport ours, StepReport expected) in ranks[0].Steps.Zip(alone))
            {
                Assert.That(ours.Loss, Is.EqualTo(expected.Loss).Within(100 * tolerance).Percent);
                Assert.That(ours.GradNorm, Is.EqualTo(expected.GradNorm).Within(1000 * tolerance).Percent);
            }
        });
    }

    /// <summary>Captured steps whose collectives end as late and see as little as they may.</summary>
    [TestCase(90, Precision.Fp32, true)]
    [TestCase(70, Precision.Fp16, true)]
    public void Graphs_WaitForWhatTheyUse(int architecture, Precision precision, bool sharded)
    {
        RunConfiguration configuration = Configuration(precision).Sharded(sharded);
        configuration = configuration with { Training = configuration.Training with { EvalEvery = 2, EvalBatches = 1 } };
        RecordingObserver[] expected = Run(2, configuration, architecture);
        RecordingObserver[] delayed = Run(2, configuration, architecture, collectives: DelayedCommunicator.For(2));
        Assert.That(delayed[1].Steps.Select(step => (step.Loss, step.GradNorm)), Is.EqualTo(expected[0].Steps.Select(step => (step.Loss, step.GradNorm))));
        Assert.That(delayed[0].Evaluations, Is.EqualTo(expected[0].Evaluations));
    }

    /// <summary>One rank's gradient goes beyond the range: all skip the step and halve the scale, and so does what the checkpoint says.</summary>
    [Test]
    public void Fp16_OverflowOnOneRank_HalvesTheScaleOfAll([Values] bool sharded)
    {
        RunConfiguration configuration = Configuration(Precision.Fp16, steps: 3).Sharded(sharded);
        RecordingObserver[] ranks = Run(2, configuration, 70, faultyMicroStep: 3, folder: _folder);
        Assert.That(ranks.Select(rank => rank.Steps.Where(step => !step.IsApplied).Select(step => step.Step)), Is.All.EqualTo(new long[] { 2 }));
        using JsonDocument state = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(_folder, "checkpoints", "step-00000003", "state.json")));
        Assert.Multiple(() =>
        {
            Assert.That(state.RootElement.GetProperty("loss_scale").GetSingle(), Is.EqualTo(32768));
            Assert.That(state.RootElement.GetProperty("applied_updates").GetInt32(), Is.EqualTo(2));
            Assert.That(ranks[1].Steps.Select(step => step.Loss), Is.EqualTo(ranks[0].Steps.Select(step => step.Loss)));
        });
    }

    /// <summary>Masters, of which each rank has a share alone, and moments come back from the files to the bit.</summary>
    [Test]
    public void LowPrecision_Sharded_ResumesToTheBit()
    {
        RunConfiguration configuration = Configuration(Precision.Bf16, steps: 3).Sharded();
        RecordingObserver[] whole = Run(2, configuration, 80);
        string first = Path.Combine(_folder, "first");
        Run(2, configuration.Steps(2), 80, folder: first);
        RecordingObserver[] after = Run(2, configuration, 80, folder: first, resume: true);
        Assert.That(after[1].Steps.Select(step => (step.Loss, step.GradNorm)), Is.EqualTo(whole[0].Steps.Skip(2).Select(step => (step.Loss, step.GradNorm))));
    }

    internal static RunConfiguration Configuration(Precision precision, long steps = 2) => TestRuns.Small with
    {
        Model = TestRuns.Small.Model with { NLayers = 1 },
        Training = TestRuns.Small.Training with
        {
            MicroBatch = null,
            BatchSize = 2,
            AccBatchSize = 2 * 2 * 16,
            Steps = steps,
            BucketBytes = 8192,
            Precision = precision,
        },
    };

    private static RecordingObserver[] Run(
        int world, RunConfiguration configuration, int architecture, bool grouped = true, int faultyMicroStep = -1, string? folder = null,
        bool resume = false, Func<RankGroup, Device, Communicator>? collectives = null)
    {
        DataType storage = configuration.Training.Precision switch
        {
            Precision.Fp16 => DataType.Float16,
            Precision.Bf16 => DataType.BFloat16,
            _ => DataType.Float32,
        };
        var options = new GpuOptions { UsesGraphs = faultyMicroStep < 0 };
        CudaOperations[] operations = [.. Enumerable.Range(0, world).Select(_ => SimulatedOperations.Create(architecture, storage, options, SimulatorChecks.None))];
        var observers = new RecordingObserver[world];
        LocalRanks.Run(world, rank => operations[rank].Device, (usual, device) =>
        {
            using Communicator? unusual = collectives?.Invoke(usual, device);
            RankGroup group = unusual is null ? usual : usual with { Collectives = unusual };
            using CudaOperations own = operations[group.Rank];
            observers[group.Rank] = new RecordingObserver();
            IOperations used = faultyMicroStep >= 0 && group.Rank == 1
                ? FaultyOperations.Create(own, call => call == faultyMicroStep, nameof(own.EmbeddingBackward), argument: 2)
                : own;
            RankedRuns.Train(
                configuration, used, RankedRuns.Options(grouped ? group : null, observers[group.Rank], folder, resume));
        });
        return observers;
    }
}
