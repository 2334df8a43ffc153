using System;
using GptEngine.Engine.Model;
using GptEngine.Engine.Optimization;
using GptEngine.Engine.Ranks;
using GptEngine.Runtime.Devices;

namespace GptEngine.Engine.Training;

/// <summary>
/// The work of an optimizer step in captured units. In a run of ranks the last micro-step is two of its own: up to its backward pass a step
/// is this rank's business alone, and how long that takes is what tells a slow rank from one that waits.
/// </summary>
internal sealed class StepWork : IDisposable
{
    private readonly int _microSteps;
    private readonly StepClock? _clock;
    private readonly CapturedWork? _first;
    private readonly CapturedWork? _next;
    private readonly CapturedWork? _lastForward;
    private readonly CapturedWork? _lastBackward;
    private readonly CapturedWork _update;
    private readonly CapturedWork? _gatherRest;

    /// <param name="device">Captures.</param>
    /// <param name="model">Makes the gradients.</param>
    /// <param name="update">Applies them.</param>
    /// <param name="reduction">Sums them over ranks; null for a process alone.</param>
    /// <param name="gathering">Completes weights that ranks update in parts; null where each updates all.</param>
    /// <param name="batch">How many micro-steps there are, and tokens in all.</param>
    public StepWork(
        Device device, GptModel model, WeightUpdate update, GradientReduction? reduction, WeightGathering? gathering, in BatchPlan batch)
    {
        _microSteps = batch.MicroSteps;
        float scale = 1.0f / batch.AccBatchSize;
        int plain = _microSteps;
        if (reduction is not null)
        {
            plain--;
            bool accumulate = plain > 0;
            _clock = new StepClock(device);
            _lastForward = device.Capture("micro_step.last.forward", () => model.TrainingForward(accumulate ? null : gathering));
            _lastBackward = device.Capture("micro_step.last.backward", () =>
            {
                model.LossAndBackward(scale, accumulate, reduction);
                reduction.Finish();
            });
        }

        _first = plain > 0 ? device.Capture("micro_step.first", () => model.ForwardBackward(scale, accumulate: false, gathering)) : null;
        _next = plain > 1 ? device.Capture("micro_step.next", () => model.ForwardBackward(scale, accumulate: true)) : null;
        _update = device.Capture("update", update.Enqueue);
        _gatherRest = gathering is { HasRest: true } ? device.Capture("gather", gathering.GatherRest) : null;
    }

    /// <summary>A step begins.</summary>
    public void Begin() => _clock?.Start();

    public void LaunchMicroStep(int microStep)
    {
        if (_lastForward is not null && microStep == _microSteps - 1)
        {
            _lastForward.Launch();
            _clock!.Stop();
            _lastBackward!.Launch();
        }
        else
        {
            (microStep == 0 ? _first : _next)!.Launch();
        }
    }

    public void LaunchUpdate() => _update.Launch();

    /// <summary>Makes weights whole that an update has left in parts; the next step's first micro-step would.</summary>
    public void LaunchGather() => _gatherRest?.Launch();

    /// <summary>Seconds that the oldest step not asked for took this rank before it first waited for others; its results are there. 0 for a process alone.</summary>
    public double TakeOwnSeconds() => _clock?.TakeSeconds() ?? 0;

    public void Dispose()
    {
        _gatherRest?.Dispose();
        _update.Dispose();
        _next?.Dispose();
        _first?.Dispose();
        _lastBackward?.Dispose();
        _lastForward?.Dispose();
        _clock?.Dispose();
    }
}
