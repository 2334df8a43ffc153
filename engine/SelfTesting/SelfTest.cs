using System.Collections.Generic;
using System.Linq;
using GptEngine.Engine.Configuration;

namespace GptEngine.Engine.SelfTesting;

/// <summary>
/// Whether this program computes on this machine what it is meant to: every operation against the double reference, every kernel launched,
/// collectives of one rank, and a short training run against the CPU's. What <c>gpt selftest</c> runs.
/// </summary>
public sealed class SelfTest(SelfTestMachine machine, SelfTestPlan plan)
{
    /// <summary>The losses of the short run, side by side: what they are held to first, then each precision's. Empty where none has run.</summary>
    public IReadOnlyList<(string Name, IReadOnlyList<float> Losses)> Losses { get; private set; } = [];

    /// <summary>Runs everything, a row as soon as it is known.</summary>
    public IEnumerable<SelfTestRow> Run()
    {
        foreach (Precision precision in machine.Precisions)
        {
            foreach (SelfTestRow row in OperationPart.Run(machine, plan, precision))
            {
                yield return row;
            }
        }

        foreach (SelfTestRow row in plan.LaunchesKernels ? KernelPart.Run(machine, plan) : [])
        {
            yield return row;
        }

        foreach (SelfTestRow row in CollectivePart.Run(machine, plan))
        {
            yield return row;
        }

        using var training = new TrainingPart(machine, plan);
        foreach (Precision precision in machine.Precisions)
        {
            foreach (SelfTestRow row in training.Run(precision))
            {
                yield return row;
            }
        }

        Losses = training.Expected is { } expected
            ? [(machine.Kind == SelfTestDevice.Cpu ? "float64" : "cpu fp32", expected), .. training.Losses.Select(pair => (EnumNames.Of(pair.Key), (IReadOnlyList<float>)pair.Value))]
            : [];
        foreach (Precision precision in plan.MeasuresRates ? machine.Precisions : [])
        {
            foreach (SelfTestRow row in RatePart.Run(machine, plan, precision))
            {
                yield return row;
            }
        }
    }
}
