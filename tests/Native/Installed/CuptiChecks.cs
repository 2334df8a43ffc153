using System;
using System.Collections.Generic;
using System.Runtime.InteropServices;
using System.Text.Json;
using GptEngine.Runtime.Cuda.Tracing;
using GptEngine.Runtime.Native;
using GptEngine.Runtime.Native.Cupti;
using GptEngine.Tests.Profiling;
using NUnit.Framework;

namespace GptEngine.Tests.Native.Installed;

/// <summary>What CUPTI says of its records' lengths, and to what a trace asks of it.</summary>
internal static unsafe class CuptiChecks
{
    internal static IReadOnlyList<KeyValuePair<string, Action>> All { get; } =
    [
        new("Records_OfKernels_AreAsLongAsSaid", () => RecordsAreAsLongAsSaid("kernel", CuptiLayout.ConcurrentKernel, CuptiLayout.KernelBytes)),
        new("Records_OfCopies_AreAsLongAsSaid", () => RecordsAreAsLongAsSaid("copy", CuptiLayout.Copy, CuptiLayout.TransferBytes)),
        new("Records_OfFills_AreAsLongAsSaid", () => RecordsAreAsLongAsSaid("fill", CuptiLayout.Fill, CuptiLayout.TransferBytes)),
        new("Records_OfCorrelation_AreAsLongAsSaid", () => RecordsAreAsLongAsSaid("correlation", CuptiLayout.ExternalCorrelation, CuptiLayout.ExternalBytes)),
        new("Records_OfCalls_AreAsLongAsSaid", () => RecordsAreAsLongAsSaid("call", CuptiLayout.DriverCall, CuptiLayout.KindBytes)),
        new("Library_IsBound_AndNamesItsResults", LibraryIsBoundAndNamesItsResults),
        new("Trace_BeginsOrSaysWhyNot", TraceBeginsOrSaysWhyNot),
    ];

    private static nint Handle => NativeLibraries.Require(NativeLibraryName.Cupti).Handle;

    /// <summary>
    /// The library itself knows how long its records are: it goes from one to the next, and stops at one that is not whole. Of a version
    /// whose headers we have, that is their length; of another, what we read of the record is within it.
    /// </summary>
    private static void RecordsAreAsLongAsSaid(string record, int kind, int read)
    {
        CuptiLibrary library = Bind();
        const int room = 1024;
        var buffer = (byte*)NativeMemory.AlignedAlloc(room, CuptiLayout.Alignment);
        try
        {
            // Wherever the record ends, another begins.
            new Span<byte>(buffer, room).Clear();
            for (int at = CuptiLayout.Alignment; at < room; at += CuptiLayout.Alignment)
            {
                MemoryMarshal.Write(new Span<byte>(buffer + at, CuptiLayout.KindBytes), CuptiLayout.ExternalCorrelation);
            }

            MemoryMarshal.Write(new Span<byte>(buffer, CuptiLayout.KindBytes), kind);
            int size = Second(library, buffer, room);
            Assert.That(size, SizeOf(record, library.Interface) is { } told ? Is.EqualTo(told) : Is.GreaterThanOrEqualTo(read));

            int second = kind == CuptiLayout.ExternalCorrelation ? size : SizeOf("correlation", library.Interface) ?? CuptiLayout.ExternalBytes;
            byte* last = buffer + size;
            Assert.That(library.Next(buffer, (nuint)(size + second), ref last), Is.EqualTo(CuptiResults.MaximumReached));
        }
        finally
        {
            NativeMemory.AlignedFree(buffer);
        }
    }

    private static int Second(CuptiLibrary library, byte* buffer, nuint bytes)
    {
        byte* at = null;
        Assert.That(library.Next(buffer, bytes, ref at), Is.EqualTo(CuptiResults.Success));
        Assert.That((nint)at, Is.EqualTo((nint)buffer));
        Assert.That(library.Next(buffer, bytes, ref at), Is.EqualTo(CuptiResults.Success));
        return (int)(at - buffer);
    }

    private static void LibraryIsBoundAndNamesItsResults()
    {
        CuptiLibrary library = Bind();
        Assert.That(library.NameOf(39), Is.EqualTo("CUPTI_ERROR_MULTIPLE_SUBSCRIBERS_NOT_SUPPORTED"));
        Assert.That(library.NameOf(12), Is.EqualTo("CUPTI_ERROR_MAX_LIMIT_REACHED"));
        Assert.That(library.Now(out ulong first), Is.EqualTo(CuptiResults.Success));
        Assert.That(library.Now(out ulong second), Is.EqualTo(CuptiResults.Success));
        Assert.That(second, Is.GreaterThanOrEqualTo(first).And.GreaterThan(1_600_000_000_000_000_000));
        Assert.That(CuptiLibrary.Serves(Handle, 80, 20000), "an A100 is known to all of them");
        Assert.That(CuptiLibrary.Serves(Handle, 80, 10020), Is.False, "a driver of CUDA 10 is too old for all of them");
        Assert.That(CuptiLibrary.Serves(Handle, 10, 20000), Is.False, "the first CUDA GPUs are too old for all of them");
    }

    private static void TraceBeginsOrSaysWhyNot()
    {
        GpuTracer? tracer = GpuTracer.TryBind(Handle, "libcupti", out string reason);
        Assert.That(tracer, Is.Not.Null, reason);
        string? refused = tracer!.Start();
        if (refused is null)
        {
            Assert.That(tracer.Stop(), Is.EqualTo(new GpuTrace([], null)).Using<GpuTrace>((one, other) => one.Activities.Count == other.Activities.Count && one.Fault == other.Fault));
        }
        else
        {
            Assert.That(refused, Does.Match(@"^cuptiActivity\w+(\(\d+\))? says CUPTI_ERROR_[A-Z_]+ \(\d+\)"));
        }
    }

    private static CuptiLibrary Bind()
    {
        CuptiLibrary? library = CuptiLibrary.Bind(Handle, out string reason);
        Assert.That(library, Is.Not.Null, reason);
        return library!;
    }

    /// <summary>By the headers of that interface; null where they are not at hand.</summary>
    private static int? SizeOf(string record, int version)
    {
        foreach (JsonElement headers in FakeCupti.Oracle.RootElement.GetProperty("versions").EnumerateArray())
        {
            if (headers.GetProperty("interface").GetInt32() == version)
            {
                return headers.GetProperty(record).GetProperty("size").GetInt32();
            }
        }

        return null;
    }
}
