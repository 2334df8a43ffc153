using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using GptEngine.Engine.Configuration;
using GptEngine.Engine.Training;
using GptEngine.Kernels.Common;
using GptEngine.Runtime;
using GptEngine.Runtime.Communication;
using GptEngine.Runtime.Devices;
using GptEngine.Tests.Communication;
using GptEngine.Tests.Training;
using NUnit.Framework;

namespace GptEngine.Tests.Ranks;

/// <summary>
/// Steps of ranks whose collectives see as little and end as late as they may: the same bits as ever, because everything waits for what it
/// uses; and any one wait left out shows.
/// </summary>
public sealed class DelayedCollectivesTests
{
    private string _folder = null!;

    [SetUp]
    public void SetUp() => _folder = TestRuns.NewFolder();

    [TearDown]
    public void TearDown() => Directory.Delete(_folder, recursive: true);

    /// <summary>With clipping, and an evaluation and samples between steps, which read the weights.</summary>
    [Test]
    public void Steps_WaitForWhatTheyUse([Values] bool sharded, [Values(1, 2, 3)] int microSteps, [Values] ReducePrecision precision) =>
        AssertSame(3, Configuration(sharded, microSteps) with
        {
            Training = Configuration(sharded, microSteps).Training with { ReducePrecision = precision, EvalEvery = 2, SampleEvery = 3 },
        });

    [Test]
    public void TiedWeights_AndBiases_WaitToo([Values] bool sharded) => AssertSame(4, Configuration(sharded) with
    {
        Model = RankedRuns.Small.Model with { TieEmbeddings = true, Positions = PositionKind.Learned, QkvBias = true, HeadBias = false, Dropout = 0.2f },
    });

    [Test]
    public void RecomputedBlocks_ReadWeightsThatAreWhole() => AssertSame(2, Configuration(sharded: true) with
    {
        Training = Configuration(sharded: true).Training with { Recompute = Recomputation.Blocks },
    });

    [Test]
    public void SkippedStep_LeavesWeightsThatAreWhole([Values] bool sharded) => AssertSame(
        2, Configuration(sharded), (rank, operations) => rank == 1
            ? FaultyOperations.Create(operations, microStep => microStep == 5, nameof(operations.EmbeddingBackward), argument: 2)
            : operations);

    [Test]
    public void Checkpoint_AndResume_HoldWholeWeights([Values] bool sharded)
    {
        RunConfiguration configuration = Configuration(sharded);
        List<StepReport> expected = RankedRuns.Run(2, configuration.Steps(6))[0].Steps;
        Run(2, configuration.Steps(3), folder: _folder);
        RecordingObserver[] resumed = Run(2, configuration.Steps(6), folder: _folder, resume: true);
        Assert.That(resumed[1].Steps.Select(Bits), Is.EqualTo(expected.Skip(3).Select(Bits)));
        RecordingObserver onThree = Run(3, configuration.Steps(7), folder: _folder, resume: true)[0];
        Assert.That(onThree.Steps.Single().Loss, Is.EqualTo(expected[^1].Loss).Within(20).Percent, "another number of ranks goes on from it");
    }

    /// <summary>
    /// Every single wait of a step, left out once, ends the run or changes what comes out: so none of the tests above passes by luck. One may
    /// be missed: the head's gradient is complete with the loss, for which the collectives have waited just before.
    /// </summary>
    [Test]
    public void ForgottenWait_Shows([Values] bool sharded)
    {
        RunConfiguration configuration = Configuration(sharded).Steps(5);
        (IReadOnlyList<(int, int)> expected, IReadOnlyList<string> waits) = RunForgetting(configuration, -1);
        int each = waits.Count - RunForgetting(configuration.Steps(4), -1).Waits.Count;
        Assert.That(each, Is.GreaterThan(sharded ? 20 : 7), "waits of a step");
        IEnumerable<int> third = Enumerable.Range(waits.Count - (3 * each), each);
        Assert.That(waits[third.First()], Does.StartWith(sharded ? "before parameters" : "before step_scalars"), "a sharded step starts with what the last has left to gather");
        string[] unseen = [.. third.Where(wait => Passes(() => RunForgetting(configuration, wait).Steps.SequenceEqual(expected))).Select(wait => waits[wait])];
        Assert.That(unseen, Is.EqualTo(new[] { "before gradient bucket 0" }));
    }

    private static RunConfiguration Configuration(bool sharded, int microSteps = 2) => RankedRuns.Small.Sharded(sharded) with
    {
        Optimizer = RankedRuns.Small.Optimizer with { Clip = 0.5f },
        Training = RankedRuns.Small.Sharded(sharded).Training with { BatchSize = 12, AccBatchSize = microSteps * 12 * 16, Steps = 5, EvalBatches = 1 },
    };

    private static void AssertSame(int world, RunConfiguration configuration, Func<int, IOperations, IOperations>? wrap = null)
    {
        RecordingObserver[] expected = RankedRuns.Run(world, configuration, wrap: wrap);
        RecordingObserver[] delayed = RankedRuns.Run(world, configuration, wrap: wrap, collectives: DelayedCommunicator.For(world));
        Assert.That(delayed[^1].Steps.Select(Bits), Is.EqualTo(expected[0].Steps.Select(Bits)));
        Assert.That(delayed[0].Evaluations, Is.EqualTo(expected[0].Evaluations));
        Assert.That(delayed[0].Samples, Is.EqualTo(expected[0].Samples));
    }

    private static RecordingObserver[] Run(int world, RunConfiguration configuration, string? folder = null, bool resume = false) =>
        RankedRuns.Run(world, configuration, folder, resume, collectives: DelayedCommunicator.For(world));

    private static (IReadOnlyList<(int, int)> Steps, IReadOnlyList<string> Waits) RunForgetting(RunConfiguration configuration, int forgotten)
    {
        Func<RankGroup, Device, Communicator> delayed = DelayedCommunicator.For(2);
        var all = new ForgetfulCommunicator[2];
        RecordingObserver[] ranks = RankedRuns.Run(
            2, configuration, collectives: (group, device) => all[group.Rank] = new ForgetfulCommunicator(delayed(group, device), forgotten));
        return ([.. ranks[0].Steps.Select(Bits)], all[0].Waits);
    }

    private static bool Passes(Func<bool> run)
    {
        try
        {
            return run();
        }
        catch (UserErrorException)
        {
            return false;
        }
    }

    private static (int Loss, int Norm) Bits(StepReport step) =>
        (BitConverter.SingleToInt32Bits(step.Loss), BitConverter.SingleToInt32Bits(step.GradNorm));
}
