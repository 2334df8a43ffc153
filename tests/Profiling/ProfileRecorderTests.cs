using System.Linq;
using GptEngine.Kernels.Common;
using GptEngine.Kernels.Profiling;
using GptEngine.Runtime.Cuda;
using GptEngine.Runtime.Devices;
using GptEngine.Runtime.Simulator.Driver;
using NUnit.Framework;

namespace GptEngine.Tests.Profiling;

public sealed class ProfileRecorderTests
{
    private static readonly RangeName Step = new(RangeKind.Step, "step");
    private static readonly RangeName Layer = new(RangeKind.Layer, "layer 0");

    [Test]
    public void OnlyTheStepAskedFor_IsRecorded()
    {
        using var recorder = new ProfileRecorder(new HostClock(), 1, next: null);
        for (int step = 0; step < 3; step++)
        {
            recorder.Begin(Step, step);
            recorder.BeginOperation($"in step {step}", "", []);
            recorder.EndOperation();
            recorder.End(Step);
            recorder.BeginOperation("between steps", "", []);
            recorder.EndOperation();
        }

        ProfiledOperation operation = recorder.Read().Single();
        Assert.That(operation.Name, Is.EqualTo("in step 1"));
        Assert.That(operation.Launches.Single().Seconds, Is.GreaterThanOrEqualTo(0));
    }

    [Test]
    public void Operation_KnowsItsStretches_AndAnotherListenerHearsThemToo()
    {
        var heard = new ProfileRecorder(new HostClock(), 0, next: null);
        using var recorder = new ProfileRecorder(new HostClock(), 0, next: heard);
        recorder.Begin(Step, 0);
        recorder.Begin(Layer, 0);
        recorder.BeginOperation("a", "", []);
        recorder.EndOperation();
        Assert.That(heard.IsRecording);
        recorder.End(Layer);
        recorder.End(Step);
        Assert.That(heard.IsRecording, Is.False);
        ProfiledRange range = recorder.Read().Single().Range!;
        Assert.That(range.Around(RangeKind.Layer)!.Name, Is.SameAs(Layer));
        Assert.That(range.Around(RangeKind.Step)!.ToString(), Is.EqualTo("step 0"));
        Assert.That(range.Around(RangeKind.Update), Is.Null);
    }

    [Test]
    public void Launches_AreTimedByEvents_AndWhatALaunchLaunchesIsPartOfIt()
    {
        using var driver = new SimulatedDriver(SimulatedGpus.A100);
        using GpuStream stream = driver.CreateStream();
        using var recorder = new ProfileRecorder(new EventClock(driver, stream), 0, next: null);
        recorder.Begin(Step, 0);
        recorder.BeginOperation("linear", "", []);
        Launch(recorder, "product", new KernelCost(2, 4), () => Launch(recorder, "our own kernel", null));
        Launch(recorder, "gelu", null);
        recorder.EndOperation();
        Launch(recorder, "alone", null);
        recorder.End(Step);
        Assert.That(
            recorder.Read().Select(operation => (operation.Name, string.Join(' ', operation.Launches.Select(launch => launch.Name)))),
            Is.EqualTo(new[] { ("linear", "product gelu"), ("other", "alone") }));
        Assert.That(recorder.Read().SelectMany(operation => operation.Launches).Select(launch => launch.Start), Is.Ordered);
    }

    private static void Launch(ProfileRecorder recorder, string name, KernelCost? cost, System.Action? inside = null)
    {
        recorder.BeginLaunch();
        inside?.Invoke();
        recorder.EndLaunch(name, "Part", null, cost);
    }
}
