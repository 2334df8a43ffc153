using System.Collections.Generic;
using System.Linq;
using GptEngine.Engine.Configuration;
using GptEngine.Kernels.Common;
using GptEngine.Runtime.Memory;

namespace GptEngine.Perf.Step;

/// <summary>Everything that a step of training enqueues.</summary>
/// <param name="Configuration">What is trained, and how.</param>
/// <param name="Storage">x.</param>
/// <param name="MicroSteps">Of the step.</param>
/// <param name="First">Launches of the first micro-step.</param>
/// <param name="Others">Of each other one.</param>
/// <param name="Update">What stands around them: gradient norm, optimizer.</param>
/// <param name="Kernels">The kernels among them.</param>
internal sealed record RecordedStep(
    RunConfiguration Configuration, DataType Storage, long MicroSteps, IReadOnlyList<StepLaunch> First, IReadOnlyList<StepLaunch> Others,
    IReadOnlyList<StepLaunch> Update, IReadOnlyDictionary<string, KernelInstance> Kernels)
{
    /// <summary>Every launch, and how often the step has it.</summary>
    public IEnumerable<(StepLaunch Launch, long Count)> Counted =>
        First.Select(launch => (launch, 1L)).Concat(Others.Select(launch => (launch, MicroSteps - 1))).Concat(Update.Select(launch => (launch, 1L)))
            .GroupBy(pair => pair.Item1, pair => pair.Item2, (launch, counts) => (launch, counts.Sum()));
}
