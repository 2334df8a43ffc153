using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using GptEngine.Engine.Configuration;
using GptEngine.Engine.Training;
using GptEngine.Runtime;
using GptEngine.Tests.Training;
using NUnit.Framework;

namespace GptEngine.Tests.Ranks;

/// <summary>What a run of ranks reports against the same run of one process.</summary>
public sealed class DataParallelTests
{
    private static readonly int[] Worlds = [1, 2, 4, 7, 8];

    [Test]
    public void AnyWorldSize_GivesTheLossesOfOneProcess([Values] bool sharded, [Values(0f, 0.3f)] float dropout)
    {
        RunConfiguration configuration = RankedRuns.Small with { Model = RankedRuns.Small.Model with { Dropout = dropout } };
        RecordingObserver alone = RankedRuns.Alone(configuration);
        foreach (int world in Worlds)
        {
            RecordingObserver[] ranks = RankedRuns.Run(world, configuration.Sharded(sharded));
            AssertSame(ranks[0].Steps, alone.Steps, $"{world} ranks");
            foreach (RecordingObserver other in ranks[1..])
            {
                Assert.That(other.Steps.Select(Bits), Is.EqualTo(ranks[0].Steps.Select(Bits)), "every rank reports the same bits");
            }
        }
    }

    [Test]
    public void TiedEmbeddingsAndLearnedPositions_AreSummedOnce([Values] bool sharded)
    {
        RunConfiguration configuration = RankedRuns.Small with
        {
            Model = RankedRuns.Small.Model with { TieEmbeddings = true, Positions = PositionKind.Learned, HeadBias = false, QkvBias = true },
        };
        AssertSame(RankedRuns.Run(4, configuration.Sharded(sharded))[0].Steps, RankedRuns.Alone(configuration).Steps, "tied");
    }

    [Test]
    public void OneMicroStep_IsReducedToo()
    {
        RunConfiguration configuration = RankedRuns.Small with { Training = RankedRuns.Small.Training with { AccBatchSize = null } };
        AssertSame(RankedRuns.Run(7, configuration)[0].Steps, RankedRuns.Alone(configuration).Steps, "one micro-step");
    }

    [Test]
    public void SameWorldSize_GivesTheSameBits([Values] bool sharded)
    {
        RunConfiguration configuration = RankedRuns.Small.Sharded(sharded);
        Assert.That(RankedRuns.Run(4, configuration)[0].Steps.Select(Bits), Is.EqualTo(RankedRuns.Run(4, configuration)[0].Steps.Select(Bits)));
    }

    /// <summary>Without clipping, the norm, whose sum is another, has no say in the weights.</summary>
    [Test]
    public void ShardedOptimizer_GivesTheWeightsOfTheWhole()
    {
        RunConfiguration configuration = RankedRuns.Small with { Optimizer = RankedRuns.Small.Optimizer with { Clip = 0 } };
        IEnumerable<float> whole = RankedRuns.Run(4, configuration)[0].Steps.Select(step => step.Loss);
        Assert.That(RankedRuns.Run(4, configuration.Sharded())[0].Steps.Select(step => step.Loss), Is.EqualTo(whole));
    }

    [TestCase(ReducePrecision.Bf16, 1e-4)]
    [TestCase(ReducePrecision.Fp16, 1e-4)]
    public void RoundedGradients_FollowExactOnes(ReducePrecision precision, double tolerance)
    {
        RecordingObserver exact = RankedRuns.Alone(RankedRuns.Small);
        RunConfiguration rounded = RankedRuns.Small with { Training = RankedRuns.Small.Training with { ReducePrecision = precision } };
        foreach (bool sharded in (bool[])[false, true])
        {
            List<StepReport> steps = RankedRuns.Run(4, rounded.Sharded(sharded))[0].Steps;
            AssertSame(steps, exact.Steps, $"{precision}", tolerance);
            Assert.That(steps.Select(step => step.GradNorm), Is.Not.EqualTo(exact.Steps.Select(step => step.GradNorm)), "gradients were rounded");
        }
    }

    [Test]
    public void Evaluation_IsSharedAndTheSame([Values(1, 4, 7)] int world)
    {
        RunConfiguration configuration = RankedRuns.Small with
        {
            Training = RankedRuns.Small.Training with { Steps = 4, EvalEvery = 2, SampleEvery = 2, EvalBatches = 3 },
        };
        RecordingObserver alone = RankedRuns.Alone(configuration);
        RecordingObserver[] ranks = RankedRuns.Run(world, configuration);
        Assert.Multiple(() =>
        {
            foreach ((EvaluationReport ours, EvaluationReport expected) in ranks[0].Evaluations.Zip(alone.Evaluations))
            {
                Assert.That(ours.Loss, Is.EqualTo(expected.Loss).Within(1e-4).Percent);
            }

            Assert.That(ranks, Is.All.Matches<RecordingObserver>(rank => rank.Evaluations.SequenceEqual(ranks[0].Evaluations)));
            Assert.That(ranks[0].Evaluations, Has.Count.EqualTo(2));
            Assert.That(ranks[0].Samples, Has.Count.EqualTo(2));
            Assert.That(ranks[1..], Is.All.Matches<RecordingObserver>(rank => rank.Samples.Count == 0));
        });
    }

    /// <summary>The batch of the ranks together grows with their number; what is evaluated does not.</summary>
    [Test]
    public void Evaluation_WithTheMicroBatchGiven_ReadsTheSameWindows()
    {
        RunConfiguration configuration = RankedRuns.Small with
        {
            Training = RankedRuns.Small.Training with { BatchSize = null, MicroBatch = 2, AccBatchSize = 56 * 16, Steps = 2, EvalEvery = 1, EvalBatches = 5 },
        };
        double[] alone = [.. RankedRuns.Alone(configuration).Evaluations.Select(evaluation => evaluation.Loss)];
        Assert.That(alone, Has.Length.EqualTo(2));
        foreach (int world in (int[])[1, 2, 4, 7])
        {
            double[] losses = [.. RankedRuns.Run(world, configuration)[0].Evaluations.Select(evaluation => evaluation.Loss)];
            Assert.That(losses, Is.EqualTo(alone).Within(1e-4).Percent, $"{world} ranks");
        }
    }

    [Test]
    public void StopOfOneRank_EndsAllAfterTheSameStep()
    {
        using var stop = new CancellationTokenSource();
        RecordingObserver[] ranks = RankedRuns.Run(
            4, RankedRuns.Small.Steps(1000), stop: rank => rank == 2 ? stop.Token : CancellationToken.None,
            change: (rank, options) => options with
            {
                Observers = [.. options.Observers, new RecordingObserver { AfterStep = step => StopAt(stop, rank, step) }],
            });
        Assert.That(ranks.Select(rank => rank.Steps.Count), Is.All.EqualTo(4));
    }

    [Test]
    public void OverflowOnOneRank_SkipsTheStepOnAll([Values] bool sharded)
    {
        RecordingObserver[] ranks = RankedRuns.Run(
            4, RankedRuns.Small.Sharded(sharded),
            wrap: (rank, operations) => rank == 1
                ? FaultyOperations.Create(operations, microStep => microStep == 5, nameof(operations.EmbeddingBackward), argument: 2)
                : operations);
        Assert.That(ranks.Select(rank => rank.Steps.Where(step => !step.IsApplied).Select(step => step.Step)), Is.All.EqualTo(new long[] { 3 }));
        Assert.That(ranks[0].Steps[^1].Loss, Is.LessThan(ranks[0].Steps[0].Loss));
    }

    [Test]
    public void FailureOfOneRank_EndsAll()
    {
        UserErrorException error = Assert.Throws<UserErrorException>(() => RankedRuns.Run(
            4, RankedRuns.Small.Steps(1000), change: (rank, options) => options with
            {
                Observers = [new RecordingObserver { AfterStep = step => Fail(rank, step) }],
            }))!;
        Assert.That(error.Message, Does.Contain("out of luck"));
    }

    [Test]
    public void Step_OfARank_AllocatesNothingManaged([Values] bool sharded)
    {
        var meters = new AllocationMeter[] { new(), new() };
        RankedRuns.Run(
            2, RankedRuns.Small.Steps(30).Sharded(sharded), change: (rank, options) => options with { Observers = [meters[rank]] });

        // The first steps run code for the first time; the warning of a slow rank, on two threads that others disturb, is a text.
        foreach (AllocationMeter meter in meters[1..])
        {
            Assert.That(meter.BytesPerStep.Skip(5).Max(), Is.Zero);
        }
    }

    private static void StopAt(CancellationTokenSource stop, int rank, long step)
    {
        if (rank == 2 && step == 3)
        {
            stop.Cancel();
        }
    }

    private static void Fail(int rank, long step)
    {
        if (rank == 1 && step == 2)
        {
            throw new UserErrorException("out of luck");
        }
    }

    private static (int Loss, int Norm) Bits(StepReport step) =>
        (BitConverter.SingleToInt32Bits(step.Loss), BitConverter.SingleToInt32Bits(step.GradNorm));

    private static void AssertSame(IReadOnlyList<StepReport> actual, IReadOnlyList<StepReport> expected, string what, double tolerance = 1e-6)
    {
        Assert.That(actual, Has.Count.EqualTo(expected.Count), what);
        double worstLoss = actual.Zip(expected).Max(pair => Math.Abs(pair.First.Loss - pair.Second.Loss) / pair.Second.Loss);
        double worstNorm = actual.Zip(expected).Max(pair => Math.Abs(pair.First.GradNorm - pair.Second.GradNorm) / pair.Second.GradNorm);
        TestContext.Out.WriteLine($"{what}: loss within {worstLoss:E1}, gradient norm within {worstNorm:E1}");
        foreach ((StepReport a, StepReport e) in actual.Zip(expected))
        {
            Assert.That(a.Loss, Is.EqualTo(e.Loss).Within(tolerance * 100).Percent, $"{what}, loss of step {e.Step}");
            Assert.That(a.GradNorm, Is.EqualTo(e.GradNorm).Within(tolerance * 1000).Percent, $"{what}, norm of step {e.Step}");
        }
    }
}
