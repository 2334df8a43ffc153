using System.Linq;
using System.Text.Json;
using GptEngine.Runtime.Cuda;
using GptEngine.Runtime.Cuda.Tracing;
using GptEngine.Runtime.Native.Cupti;
using GptEngine.Tests.Data;
using NUnit.Framework;

namespace GptEngine.Tests.Profiling;

/// <summary>CUPTI's records as its headers lay them out, whole and broken. That a real GPU's are so is for a machine with one to show.</summary>
[NonParallelizable]
public sealed class GpuTracerTests
{
    private static readonly LaunchShape Shape = new(new GridSize(12, 3, 2), new GridSize(32, 8), 2048);

    private TemporaryFolder _folder = null!;

    [OneTimeSetUp]
    public void MakeFolder() => _folder = new TemporaryFolder();

    [OneTimeTearDown]
    public void RemoveFolder() => _folder.Dispose();

    [TestCaseSource(typeof(FakeCupti), nameof(FakeCupti.Versions))]
    public void Layout_IsThatOfTheHeaders(string version)
    {
        JsonElement headers = FakeCupti.Of(version);
        (string Record, string Field, int Here)[] offsets =
        [
            ("kernel", "kind", CuptiLayout.Kind), ("kernel", "registersPerThread", CuptiLayout.KernelRegisters), ("kernel", "start", CuptiLayout.KernelStart),
            ("kernel", "end", CuptiLayout.KernelEnd), ("kernel", "streamId", CuptiLayout.KernelStream), ("kernel", "gridX", CuptiLayout.KernelGrid),
            ("kernel", "gridY", CuptiLayout.KernelGrid + 4), ("kernel", "gridZ", CuptiLayout.KernelGrid + 8), ("kernel", "blockX", CuptiLayout.KernelBlock),
            ("kernel", "blockY", CuptiLayout.KernelBlock + 4), ("kernel", "blockZ", CuptiLayout.KernelBlock + 8),
            ("kernel", "staticSharedMemory", CuptiLayout.KernelStaticShared), ("kernel", "dynamicSharedMemory", CuptiLayout.KernelDynamicShared),
            ("kernel", "localMemoryPerThread", CuptiLayout.KernelLocal), ("kernel", "correlationId", CuptiLayout.KernelCorrelation),
            ("kernel", "name", CuptiLayout.KernelName), ("copy", "copyKind", CuptiLayout.CopyKind), ("correlation", "externalKind", CuptiLayout.ExternalKind),
            ("correlation", "externalId", CuptiLayout.ExternalWork), ("correlation", "correlationId", CuptiLayout.ExternalCall),
            .. ((string[])["copy", "fill"]).SelectMany(record => ((string, string, int)[])
            [
                (record, "kind", CuptiLayout.Kind), (record, "bytes", CuptiLayout.TransferSize), (record, "start", CuptiLayout.TransferStart),
                (record, "end", CuptiLayout.TransferEnd), (record, "streamId", CuptiLayout.TransferStream), (record, "correlationId", CuptiLayout.TransferCorrelation),
            ]),
        ];
        foreach ((string record, string field, int here) in offsets)
        {
            Assert.That(here, Is.EqualTo(headers.GetProperty(record).GetProperty(field).GetInt32()), $"{record}.{field}");
        }

        // CUDA 7's form had them there already: so do the libraries between.
        Assert.That(
            headers.GetProperty("kernel").GetProperty("same_in").EnumerateArray().Select(form => form.GetString()),
            Is.SupersetOf(Enumerable.Range(3, 5).Select(form => $"CUpti_ActivityKernel{form}")));
        Assert.That(headers.GetProperty("kernel").GetProperty("size").GetInt32(), Is.GreaterThanOrEqualTo(CuptiLayout.KernelBytes));
        Assert.That(headers.GetProperty("correlation").GetProperty("size").GetInt32(), Is.GreaterThanOrEqualTo(CuptiLayout.ExternalBytes));
        Assert.That(headers.GetProperty("copy").GetProperty("size").GetInt32(), Is.GreaterThanOrEqualTo(CuptiLayout.TransferBytes));
        Assert.That(headers.GetProperty("fill").GetProperty("size").GetInt32(), Is.GreaterThanOrEqualTo(CuptiLayout.TransferBytes));
    }

    [TestCaseSource(typeof(FakeCupti), nameof(FakeCupti.Versions))]
    public void Numbers_AreThoseOfTheHeaders(string version)
    {
        JsonElement numbers = FakeCupti.Of(version).GetProperty("numbers");
        (string Name, int Here)[] known =
        [
            ("CUPTI_SUCCESS", CuptiResults.Success), ("CUPTI_ERROR_MAX_LIMIT_REACHED", CuptiResults.MaximumReached),
            ("CUPTI_ACTIVITY_KIND_MEMCPY", CuptiLayout.Copy), ("CUPTI_ACTIVITY_KIND_MEMSET", CuptiLayout.Fill),
            ("CUPTI_ACTIVITY_KIND_DRIVER", CuptiLayout.DriverCall), ("CUPTI_ACTIVITY_KIND_RUNTIME", CuptiLayout.RuntimeCall),
            ("CUPTI_ACTIVITY_KIND_CONCURRENT_KERNEL", CuptiLayout.ConcurrentKernel),
            ("CUPTI_ACTIVITY_KIND_EXTERNAL_CORRELATION", CuptiLayout.ExternalCorrelation),
            ("CUPTI_EXTERNAL_CORRELATION_KIND_CUSTOM0", CuptiLayout.OwnCorrelation), ("ACTIVITY_RECORD_ALIGNMENT", CuptiLayout.Alignment),
            ("CUPTI_ACTIVITY_MEMCPY_KIND_HTOD", CuptiLayout.HostToDevice), ("CUPTI_ACTIVITY_MEMCPY_KIND_DTOH", CuptiLayout.DeviceToHost),
            ("CUPTI_ACTIVITY_MEMCPY_KIND_DTOD", CuptiLayout.DeviceToDevice),
        ];
        foreach ((string name, int here) in known)
        {
            Assert.That(here, Is.EqualTo(numbers.GetProperty(name).GetInt32()), name);
        }
    }

    [Test]
    public void Records_TellWhatRan([ValueSource(typeof(FakeCupti), nameof(FakeCupti.Versions))] string version, [Values("", "small", "foreign")] string mode)
    {
        using FakeCupti cupti = FakeCupti.Open(version, _folder.Path);
        cupti.Misbehave(mode);
        GpuTracer tracer = cupti.Tracer();
        GpuTrace trace = Trace(cupti, tracer);
        Assert.That(trace.Fault, Is.Null);
        Assert.That(trace.Activities.Select(one => (one.Kind, one.Name, one.Stream, one.Work, one.Bytes)), Is.EqualTo(new[]
        {
            (GpuActivityKind.Kernel, "_Z10layer_normI6__halfLi512EEvPT_", 7u, 1ul, 0L),
            (GpuActivityKind.Fill, "fill", 7u, 2ul, 4096L),
            (GpuActivityKind.Copy, "copy on device", 7u, 3ul, 512L),
            (GpuActivityKind.Copy, "copy to device", 8u, 0ul, 64L),
        }));
        GpuActivity kernel = trace.Activities[0];
        Assert.That(kernel.Shape, Is.EqualTo(Shape));
        Assert.That((kernel.Registers, kernel.StaticSharedBytes, kernel.LocalBytes), Is.EqualTo((40, 1024, 16L)));
        Assert.That(trace.Activities.Select(one => one.End - one.Start), Is.All.EqualTo(5000));
        Assert.That(kernel.Start, Is.GreaterThan(0).And.LessThan(1_000_000));
        Assert.That(cupti.Enabled, Is.Zero, "nothing is recorded any more");

        // And again, in the same process.
        Assert.That(Trace(cupti, tracer), Has.Property(nameof(GpuTrace.Fault)).Null);
        Assert.That(cupti.Sessions, Is.EqualTo(2));
    }

    [TestCase("dropped", "1 records were dropped for want of memory")]
    [TestCase("backwards", "a kernel's record ends before it begins")]
    [TestCase("untimed", "a kernel's record has no times")]
    [TestCase("elsewhen", "a kernel's record has times outside of the step")]
    [TestCase("block", "a kernel's record has grid (12, 3, 2) and block (4096, 8, 1), which no launch can have")]
    [TestCase("strange", "cuptiActivityGetNextRecord says result 21 (21)")]
    [TestCase("outside", "a record lies outside of its buffer")]
    [TestCase("misaligned", "a record lies outside of its buffer")]
    [TestCase("again", "a record lies outside of its buffer, at 0 of")]
    public void WhatIsWrong_IsAFault(string mode, string expected)
    {
        foreach (string version in FakeCupti.Versions)
        {
            using FakeCupti cupti = FakeCupti.Open(version, _folder.Path);
            cupti.Misbehave(mode, 1);
            Assert.That(Trace(cupti, cupti.Tracer()).Fault, Does.Contain(expected), version);
            Assert.That(cupti.Enabled, Is.Zero);
        }
    }

    [Test]
    public void TimesOfWhatIsNoPieceOfWork_AreNotMissed()
    {
        using FakeCupti cupti = FakeCupti.Open("12.4", _folder.Path);
        cupti.Misbehave("untimed copies");
        GpuTrace trace = Trace(cupti, cupti.Tracer());
        Assert.That((trace.Fault, trace.Activities.Count), Is.EqualTo(((string?)null, 3)), "all but the copy that nobody asked about");
    }

    [Test]
    public void RecordThatIsCutOff_IsAFault_WhereWhatIsReadIsMissing([ValueSource(typeof(FakeCupti), nameof(FakeCupti.Versions))] string version)
    {
        int whole = FakeCupti.Of(version).GetProperty("fill").GetProperty("size").GetInt32();
        using FakeCupti cupti = FakeCupti.Open(version, _folder.Path);
        GpuTracer tracer = cupti.Tracer();
        for (int words = 0; words < whole / 8; words++)
        {
            cupti.Misbehave("cut", words);
            Assert.That(tracer.Start(), Is.Null);
            cupti.Fill(64, 7);
            cupti.Synchronize();
            int left = whole - (8 * words);
            Assert.That(tracer.Stop().Fault, left >= CuptiLayout.TransferBytes ? Is.Null : Is.EqualTo($"a record of kind 2 is cut off after {left} bytes"));
        }
    }

    [TestCase("taken", "cuptiActivityEnable(10) says CUPTI_ERROR_MULTIPLE_SUBSCRIBERS_NOT_SUPPORTED (39): another tool traces this process already")]
    [TestCase("refused", "cuptiActivityRegisterCallbacks says CUPTI_ERROR_NOT_INITIALIZED (15): it does not fit this driver")]
    public void WhatCuptiRefuses_IsSaidPlainly_AndNothingStaysOn(string mode, string expected)
    {
        using FakeCupti cupti = FakeCupti.Open("12.4", _folder.Path);
        cupti.Misbehave(mode);
        GpuTracer tracer = cupti.Tracer();
        Assert.That(tracer.Start(), Does.StartWith(expected));
        Assert.That(cupti.Enabled, Is.Zero);
        cupti.Misbehave("");
        Assert.That(Trace(cupti, tracer).Fault, Is.Null, "and the session is free again");
    }

    [Test]
    public void OneTraceAtATime()
    {
        using FakeCupti cupti = FakeCupti.Open("11.8", _folder.Path);
        GpuTracer first = cupti.Tracer();
        GpuTracer second = cupti.Tracer();
        Assert.That(first.Start(), Is.Null);
        Assert.That(second.Start(), Is.EqualTo("another trace runs in this process"));
        Assert.That(first.Stop().Fault, Is.Null);
        Assert.That(second.Start(), Is.Null);
        Assert.That(second.Stop().Fault, Is.Null);
        Assert.Throws<System.InvalidOperationException>(() => second.Stop());
    }

    [TestCase("future", "libcupti.so: the library's interface 140000 is not known here")]
    [TestCase("ancient", "libcupti.so: the library's interface 12 is not known here")]
    public void TooOldOrTooNewALibrary_IsRefused(string mode, string expected)
    {
        using FakeCupti cupti = FakeCupti.Open("12.4", _folder.Path);
        cupti.Misbehave(mode);
        Assert.That(cupti.TryTracer(out string reason), Is.Null);
        Assert.That(reason, Does.StartWith(expected));
    }

    [Test]
    public void OtherTool_IsLeftAlone()
    {
        foreach (string variable in GpuTracer.ToolVariables)
        {
            Assert.That(GpuTracer.OtherTool(name => name == variable ? "libToolsInjection64.so" : null), Does.Contain(variable).And.Contain("Another tool"));
        }

        Assert.That(GpuTracer.OtherTool(_ => ""), Is.Null);
    }

    private static GpuTrace Trace(FakeCupti cupti, GpuTracer tracer)
    {
        Assert.That(tracer.Start(), Is.Null);
        tracer.Push(1);
        cupti.Launch("layer_norm<Half, 512>", Shape, 7);
        tracer.Pop();
        tracer.Push(2);
        cupti.Fill(4096, 7);
        tracer.Pop();
        tracer.Push(3);
        cupti.Copy(8, 512, 7);
        tracer.Pop();
        cupti.Synchronize();
        cupti.Copy(1, 64, 8);
        cupti.Synchronize();
        return tracer.Stop();
    }
}
