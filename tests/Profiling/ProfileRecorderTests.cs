using System.Collections.Generic;
using System.Linq;
using GptEngine.Kernels.Common;
using GptEngine.Kernels.Profiling;
using GptEngine.Runtime.Communication;
using GptEngine.Runtime.Cuda;
using GptEngine.Runtime.Devices;
using GptEngine.Runtime.Memory;
using GptEngine.Runtime.Simulator.Driver;
using GptEngine.Tests.Communication;
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
    public void WhatComesBeforeTheStep_IsDoneOnce_AndNotRecorded()
    {
        var done = new List<string>();
        using var recorder = new ProfileRecorder(new HostClock(), 1, next: null);
        recorder.BeforeStep = () =>
        {
            done.Add(recorder.IsRecording ? "within the step" : "before the step");
            recorder.BeginOperation("waiting for ranks", "", []);
            recorder.EndOperation();
        };
        for (int step = 0; step < 3; step++)
        {
            recorder.Begin(Step, step);
            recorder.Begin(Layer, 0);
            recorder.BeginOperation($"in step {step}", "", []);
            recorder.EndOperation();
            recorder.End(Layer);
            recorder.End(Step);
        }

        Assert.That(done, Is.EqualTo(new[] { "before the step" }));
        Assert.That(recorder.Read().Single().Name, Is.EqualTo("in step 1"));
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

    [Test]
    public void Collectives_OfTheStepAlone_AreTimedWhereTheyRun([Values] bool simulated)
    {
        LocalRanks.Run(2, _ => simulated ? Simulated() : new CpuDevice(1), (group, device) =>
        {
            using var array = new DeviceArray(device, DataType.Float32, 1000);
            array.Fill(_ => 0);
            WorkClock clock = device is GpuDevice { Driver: SimulatedDriver driver } ? new RooflineClock(driver, 1e12) : new HostClock();
            using var recorder = new ProfileRecorder(clock, 1, next: null);
            using var collectives = new ProfiledCommunicator(group.Collectives, recorder);
            for (int step = 0; step < 3; step++)
            {
                recorder.Begin(Step, step);
                collectives.Follow();
                collectives.AllReduce(array.Tensor.View($"first of step {step}", 0, 1000));
                collectives.Broadcast(array.Tensor.View($"second of step {step}", 0, 10), 0);
                collectives.Join();
                recorder.End(Step);
            }

            device.Synchronize();
            IReadOnlyList<ProfiledCollective> read = recorder.ReadCollectives();
            Assert.That(read.Select(one => (one.Name, one.Bytes)), Is.EqualTo(new[] { ("all-reduce of first of step 1", 4000L), ("broadcast of second of step 1", 40L) }));
            Assert.That(read[0].Start, Is.LessThanOrEqualTo(read[0].End));
            Assert.That(read[0].End, Is.LessThanOrEqualTo(read[1].Start), "one queue");
            ProfiledLaunch wait = recorder.Read().Single().Launches.Single();
            Assert.That(ProfiledCommunicator.IsWait(wait));
            Assert.That(read[1].End, Is.LessThanOrEqualTo(wait.Start + wait.Seconds + 1e-9), "work waits until the last has ended, on the same clock");
        });
    }

    [Test]
    public void CollectivesOfASimulatedGpu_TakeTheirLinksTime_BesideTheWorkThatFollows()
    {
        using var driver = new SimulatedDriver(SimulatedGpus.A100 with { MemoryBandwidth = 100, LinkBandwidth = 10 });
        using var clock = new RooflineClock(driver, 1e12);
        using CollectiveClock collectives = clock.TimeCollectives();
        Work(bytes: 100);
        collectives.Enqueue(wireBytes: 20);
        collectives.Enqueue(wireBytes: 10);
        Work(bytes: 50);
        Wait();
        Work(bytes: 100);
        Wait();
        Assert.That((collectives.Read(0), collectives.Read(1)), Is.EqualTo(((1.0, 3.0), (3.0, 4.0))), "from when the work before is done, one behind another");
        Assert.That(
            Enumerable.Range(0, 5).Select(clock.Read),
            Is.EqualTo(new[] { (0.0, 1.0), (1.0, 0.5), (1.5, 2.5), (4.0, 1.0), (5.0, 0.0) }),
            "work goes on beside them, waits for the last, and then for nothing");

        void Work(long bytes)
        {
            clock.Begin();
            clock.End("fill", null, new KernelCost(bytes, 0));
        }

        void Wait()
        {
            clock.Begin();
            clock.End(ProfiledCommunicator.Wait, null, null);
        }
    }

    [Test]
    public void CollectivesOnAStream_AreTimedByItsEvents_FromTheFirstPieceOfWork()
    {
        using var driver = new SimulatedDriver(SimulatedGpus.A100);
        using GpuStream compute = driver.CreateStream();
        using GpuStream queue = driver.CreateStream();
        using var clock = new EventClock(driver, compute);
        using CollectiveClock collectives = clock.TimeCollectives();
        clock.Begin();
        clock.End("piece", null, null);
        collectives.Begin(queue);
        collectives.End(queue);
        collectives.Begin(queue);
        collectives.End(queue);
        (double start, double seconds) = clock.Read(0);
        Assert.That(
            (double[])[start + seconds, collectives.Read(0).Start, collectives.Read(0).End, collectives.Read(1).Start, collectives.Read(1).End], Is.Ordered);
        Assert.Throws<System.ArgumentNullException>(() => collectives.Begin(queue: null), "events have a stream to stand in");
    }

    private static GpuDevice Simulated() => new(new SimulatedDriver(SimulatedGpus.A100, new SimulatorOptions { HostThreads = 1 }));

    private static void Launch(ProfileRecorder recorder, string name, KernelCost? cost, System.Action? inside = null)
    {
        recorder.BeginLaunch();
        inside?.Invoke();
        recorder.EndLaunch(name, "Part", null, cost);
    }
}
