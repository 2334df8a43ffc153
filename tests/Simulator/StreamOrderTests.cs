using System.Collections.Generic;
using GptEngine.Runtime.Cuda;
using GptEngine.Runtime.Simulator.Driver;
using NUnit.Framework;

namespace GptEngine.Tests.Simulator;

/// <summary>Streams, events and captures of a simulated GPU in each order that it can be asked for.</summary>
public sealed class StreamOrderTests
{
    private readonly List<string> _done = [];

    [SetUp]
    public void SetUp() => _done.Clear();

    [TestCase(StreamOrder.AtOnce, "a1 b1 a2")]
    [TestCase(StreamOrder.OthersLate, "a1 a2 b1")]
    [TestCase(StreamOrder.FirstLate, "b1 a1 a2")]
    public void Work_ThatNothingOrders_RunsAsLateAsItMay(StreamOrder order, string expected)
    {
        using SimulatedDriver driver = Open(order, out GpuStream a, out GpuStream b);
        a.AddCallback(() => _done.Add("a1"));
        b.AddCallback(() => _done.Add("b1"));
        a.AddCallback(() => _done.Add("a2"));
        driver.Synchronize();
        Assert.That(string.Join(' ', _done), Is.EqualTo(expected));
        Assert.That(a.IsIdle && b.IsIdle);
    }

    [Test]
    public void Event_OrdersWhatIsBeforeIt_AndNothingMore([Values] StreamOrder order)
    {
        using SimulatedDriver driver = Open(order, out GpuStream a, out GpuStream b);
        using GpuEvent forked = driver.CreateEvent(), joined = driver.CreateEvent();
        a.AddCallback(() => _done.Add("a1"));
        forked.Record(a);
        b.Wait(forked);
        b.AddCallback(() => _done.Add("b1"));
        joined.Record(b);
        b.AddCallback(() => _done.Add("b2"));
        a.Wait(joined);
        a.AddCallback(() => _done.Add("a2"));
        a.Synchronize();
        Assert.That(string.Join(' ', _done), Is.EqualTo(order == StreamOrder.OthersLate ? "a1 b1 a2" : "a1 b1 b2 a2"));
        Assert.That(forked.IsDone && joined.IsDone);
        joined.Synchronize();
        b.Synchronize();
        Assert.That(_done, Has.Count.EqualTo(4));
    }

    [Test]
    public void Host_WaitsForAnEvent_NoFurther()
    {
        using SimulatedDriver driver = Open(StreamOrder.OthersLate, out _, out GpuStream b);
        using GpuEvent first = driver.CreateEvent();
        b.AddCallback(() => _done.Add("b1"));
        first.Record(b);
        b.AddCallback(() => _done.Add("b2"));
        Assert.That(first.IsDone, Is.False);
        first.Synchronize();
        Assert.That(_done, Is.EqualTo(new[] { "b1" }));
    }

    /// <summary>Forked and joined work is recorded with its order, and a launch is done when all of it is.</summary>
    [Test]
    public void Graph_OfTwoStreams_KeepsTheirOrder_EachTime([Values] StreamOrder order)
    {
        using SimulatedDriver driver = Open(order, out GpuStream a, out GpuStream b);
        a.BeginCapture();
        ForkAndJoin(driver, a, b);
        using GpuGraph graph = a.EndCapture();
        Assert.That(_done, Is.Empty);
        graph.Launch(a);
        graph.Launch(a);
        a.Synchronize();
        Assert.That(string.Join(' ', _done), Is.EqualTo("a1 b1 a2 a1 b1 a2"));
        b.AddCallback(() => _done.Add("b2"));
        b.Synchronize();
        Assert.That(_done, Has.Count.EqualTo(7), "the other stream is free again");
    }

    [Test]
    public void Capture_ThatIsNotJoined_IsRefused()
    {
        using SimulatedDriver driver = Open(StreamOrder.AtOnce, out GpuStream a, out GpuStream b);
        a.BeginCapture();
        ForkAndJoin(driver, a, b);
        b.AddCallback(() => _done.Add("late"));
        GpuException error = Assert.Throws<GpuException>(() => a.EndCapture())!;
        Assert.That(error.Code, Is.EqualTo("CUDA_ERROR_STREAM_CAPTURE_UNJOINED"));
        a.AddCallback(() => _done.Add("a"));
        b.AddCallback(() => _done.Add("b"));
        Assert.That(_done, Is.EqualTo(new[] { "a", "b" }), "both streams work again");
    }

    [Test]
    public void Capture_AndWhatIsOutsideOfIt_DoNotWaitForEachOther()
    {
        using SimulatedDriver driver = Open(StreamOrder.AtOnce, out GpuStream a, out GpuStream b);
        using GpuEvent outside = driver.CreateEvent(), inside = driver.CreateEvent();
        outside.Record(b);
        a.BeginCapture();
        inside.Record(a);
        Assert.That(Assert.Throws<GpuException>(() => a.Wait(outside))!.Code, Is.EqualTo("CUDA_ERROR_STREAM_CAPTURE_ISOLATION"));
        Assert.That(Assert.Throws<GpuException>(inside.Synchronize)!.Code, Is.EqualTo("CUDA_ERROR_CAPTURED_EVENT"));
        a.EndCapture().Dispose();
        Assert.That(Assert.Throws<GpuException>(() => b.Wait(inside))!.Code, Is.EqualTo("CUDA_ERROR_CAPTURED_EVENT"));
    }

    private void ForkAndJoin(SimulatedDriver driver, GpuStream a, GpuStream b)
    {
        GpuEvent forked = driver.CreateEvent(), joined = driver.CreateEvent();
        a.AddCallback(() => _done.Add("a1"));
        forked.Record(a);
        b.Wait(forked);
        b.AddCallback(() => _done.Add("b1"));
        joined.Record(b);
        a.Wait(joined);
        a.AddCallback(() => _done.Add("a2"));
    }

    private static SimulatedDriver Open(StreamOrder order, out GpuStream a, out GpuStream b)
    {
        var driver = new SimulatedDriver(SimulatedGpus.ByArchitecture(80), new SimulatorOptions { Order = order });
        (a, b) = (driver.CreateStream(), driver.CreateStream());
        return driver;
    }
}
