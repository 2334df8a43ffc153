using System;
using System.Collections.Generic;
using System.Linq;
using GptEngine.Engine.Configuration;
using GptEngine.Engine.Training;
using GptEngine.Kernels.Common;
using GptEngine.Runtime.Devices;
using NUnit.Framework;

namespace GptEngine.Tests.Training;

/// <summary>What a profiler hears of a step.</summary>
public sealed class StepRangeTests
{
    [Test]
    public void Step_NamesItsPartsInOrder()
    {
        var heard = new Outline();
        Train(heard, Recomputation.None);
        string[] forward = ["2 forward", "3 embedding", "3 layer 0", "4 attention", "4 mlp", "3 layer 1", "4 attention", "4 mlp", "3 final norm"];
        string[] backward = ["2 backward", "3 final norm", "3 layer 1", "4 mlp", "4 attention", "3 layer 0", "4 mlp", "4 attention", "3 embedding"];
        string[] microStep = [.. forward, "2 head", .. backward];
        Assert.That(
            heard.Lines, Is.EqualTo((string[])
            [
                "0 step 0", "1 micro-step 0", .. microStep, "1 micro-step 1", .. microStep, "1 update",
                "0 step 1", "1 micro-step 0", .. microStep, "1 micro-step 1", .. microStep, "1 update",
            ]));
    }

    [Test]
    public void Recomputation_IsNamed()
    {
        var heard = new Outline();
        Train(heard, Recomputation.Blocks);
        Assert.That(heard.Lines.Count(line => line == "4 recompute"), Is.EqualTo(4), "one layer of two, two micro-steps, two steps");
    }

    private static void Train(Outline outline, Recomputation recompute)
    {
        RunConfiguration configuration = TestRuns.Small with { Training = TestRuns.Small.Training with { Steps = 2, AccBatchSize = 64, Recompute = recompute } };
        using var device = new CpuDevice(1) { RangeListener = outline };
        IOperations operations = CpuOperations.Create(device);
        var options = new TrainingSessionOptions { Tokens = TestRuns.Tokens };
        using (TrainingSession session = TrainingSession.Create(configuration, operations, options))
        {
            session.Run();
        }

        (operations as IDisposable)?.Dispose();
    }

    private sealed class Outline : IRangeListener
    {
        private readonly Stack<RangeName> _open = [];

        public List<string> Lines { get; } = [];

        public void Begin(RangeName name, long number)
        {
            Lines.Add(name.Kind is RangeKind.Step or RangeKind.MicroStep ? $"{_open.Count} {name} {number}" : $"{_open.Count} {name}");
            _open.Push(name);
        }

        public void End(RangeName name) => Assert.That(_open.Pop(), Is.SameAs(name));
    }
}
