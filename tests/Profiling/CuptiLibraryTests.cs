using System;
using System.Runtime.InteropServices;
using System.Text.Json;
using GptEngine.Runtime.Cuda.Tracing;
using GptEngine.Runtime.Native;
using GptEngine.Runtime.Native.Cupti;
using NUnit.Framework;

namespace GptEngine.Tests.Profiling;

/// <summary>NVIDIA's own libcupti, where this machine has one. None of this needs a GPU.</summary>
[NonParallelizable]
public sealed unsafe class CuptiLibraryTests
{
    private nint _handle;

    [OneTimeSetUp]
    public void Open()
    {
        NativeLibraryOpening opening = NativeLibraries.TryOpen(NativeLibraryName.Cupti);
        _handle = opening.Handle;
        if (!opening.IsOpen)
        {
            Assert.Ignore(opening.Describe());
        }
    }

    /// <summary>The library itself knows how long its records are: it goes from one to the next, and stops at one that is not whole.</summary>
    [TestCase("kernel", CuptiLayout.ConcurrentKernel)]
    [TestCase("copy", CuptiLayout.Copy)]
    [TestCase("fill", CuptiLayout.Fill)]
    [TestCase("correlation", CuptiLayout.ExternalCorrelation)]
    [TestCase("call", CuptiLayout.DriverCall)]
    public void Records_AreAsLongAsTheHeadersSay(string record, int kind)
    {
        CuptiLibrary library = Bind();
        int size = SizeOf(record, library.Interface);
        const int room = 1024;
        var buffer = (byte*)NativeMemory.AlignedAlloc(room, CuptiLayout.Alignment);
        try
        {
            new Span<byte>(buffer, room).Clear();
            MemoryMarshal.Write(new Span<byte>(buffer, room), kind);
            MemoryMarshal.Write(new Span<byte>(buffer + size, room - size), CuptiLayout.ExternalCorrelation);
            int second = SizeOf("correlation", library.Interface);
            byte* at = null;
            Assert.That(library.Next(buffer, (nuint)(size + second), ref at), Is.EqualTo(CuptiResults.Success));
            Assert.That((nint)at, Is.EqualTo((nint)buffer));
            Assert.That(library.Next(buffer, (nuint)(size + second), ref at), Is.EqualTo(CuptiResults.Success));
            Assert.That((nint)(at - buffer), Is.EqualTo((nint)size));
            Assert.That(library.Next(buffer, (nuint)(size + second), ref at), Is.EqualTo(CuptiResults.MaximumReached));
        }
        finally
        {
            NativeMemory.AlignedFree(buffer);
        }
    }

    [Test]
    public void Library_IsBound_AndNamesItsResults()
    {
        CuptiLibrary library = Bind();
        Assert.That(library.NameOf(39), Is.EqualTo("CUPTI_ERROR_MULTIPLE_SUBSCRIBERS_NOT_SUPPORTED"));
        Assert.That(library.NameOf(12), Is.EqualTo("CUPTI_ERROR_MAX_LIMIT_REACHED"));
        Assert.That(library.Now(out ulong first), Is.EqualTo(CuptiResults.Success));
        Assert.That(library.Now(out ulong second), Is.EqualTo(CuptiResults.Success));
        Assert.That(second, Is.GreaterThanOrEqualTo(first).And.GreaterThan(1_600_000_000_000_000_000));
        Assert.That(CuptiLibrary.Serves(_handle, 80, 20000), "an A100 is known to all of them");
        Assert.That(CuptiLibrary.Serves(_handle, 80, 10020), Is.False, "a driver of CUDA 10 is too old for all of them");
        Assert.That(CuptiLibrary.Serves(_handle, 10, 20000), Is.False, "the first CUDA GPUs are too old for all of them");
    }

    [Test]
    public void Trace_BeginsOrSaysWhyNot()
    {
        GpuTracer? tracer = GpuTracer.TryBind(_handle, "libcupti", out string reason);
        Assert.That(tracer, Is.Not.Null, reason);
        string? refused = tracer!.Start();
        TestContext.Out.WriteLine($"{tracer.Name}: {refused ?? "begins"}");
        if (refused is null)
        {
            Assert.That(tracer.Stop(), Is.EqualTo(new GpuTrace([], null)).Using<GpuTrace>((one, other) => one.Activities.Count == other.Activities.Count && one.Fault == other.Fault));
        }
        else
        {
            Assert.That(refused, Does.Match(@"^cuptiActivity\w+(\(\d+\))? says CUPTI_ERROR_[A-Z_]+ \(\d+\)"));
        }
    }

    private CuptiLibrary Bind()
    {
        CuptiLibrary? library = CuptiLibrary.Bind(_handle, out string reason);
        Assert.That(library, Is.Not.Null, reason);
        return library!;
    }

    private static int SizeOf(string record, int version)
    {
        foreach (JsonElement headers in FakeCupti.Oracle.RootElement.GetProperty("versions").EnumerateArray())
        {
            if (headers.GetProperty("interface").GetInt32() == version)
            {
                return headers.GetProperty(record).GetProperty("size").GetInt32();
            }
        }

        Assert.Ignore($"the headers of interface {version} are not at hand");
        return 0;
    }
}
