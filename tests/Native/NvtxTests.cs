using System;
using System.Collections.Generic;
using System.Linq;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using GptEngine.Runtime.Devices;
using GptEngine.Runtime.Native.Nvtx;
using NUnit.Framework;

namespace GptEngine.Tests.Native;

/// <summary>Ranges as a tool receives them; the tool here speaks NVTX's protocol from its other side.</summary>
[NonParallelizable]
public sealed unsafe class NvtxTests
{
    private const int RangePushEx = 8, RangePop = 11, NameCategoryA = 12, RegisterStringA = 10;

    private static readonly List<string> Heard = [];
    private static readonly List<string> Registered = [];
    private static bool _registers;
    private static bool _accepts;

    [SetUp]
    public void Forget()
    {
        Heard.Clear();
        Registered.Clear();
        (_registers, _accepts) = (true, true);
    }

    [Test]
    public void Ranges_OfADevice_ReachTheToolNestedWithTheirNumbers([Values] bool registers)
    {
        _registers = registers;
        using var device = new CpuDevice(1) { RangeListener = new NvtxListener(NvtxTool.Attach(&Initialise)!) };
        Heard.Clear();
        var step = new RangeName(RangeKind.Step, "step");
        var layer = new RangeName(RangeKind.Layer, "couche n° 1");
        for (int i = 0; i < 2; i++)
        {
            using RangeScope outer = device.Range(step, 41 + i);
            using RangeScope inner = device.Range(layer);
        }

        Assert.That(Heard, Is.EqualTo(new[]
        {
            "push step 41 category 1", "push couche n° 1 0 category 4", "pop", "pop",
            "push step 42 category 1", "push couche n° 1 0 category 4", "pop", "pop",
        }));
        Assert.That(Registered, Is.EqualTo(registers ? new[] { "step", "couche n° 1" } : []));
    }

    [Test]
    public void Attach_NamesTheKinds()
    {
        NvtxTool tool = NvtxTool.Attach(&Initialise)!;
        _ = new NvtxListener(tool);
        _ = new NvtxListener(tool);
        Assert.That(Heard, Does.Contain("category 1 Step").And.Contain("category 4 Layer"));
        Assert.That(Heard.Where(line => line.StartsWith("category", StringComparison.Ordinal)), Is.Unique, "a second device names nothing anew");
    }

    [Test]
    public void Attach_ToolDeclines_IsNone()
    {
        _accepts = false;
        Assert.That(NvtxTool.Attach(&Initialise), Is.Null);
    }

    [Test]
    public void KnownRange_AllocatesNothingManaged()
    {
        var listener = new NvtxListener(NvtxTool.Attach(&InitialiseSilently)!);
        var name = new RangeName(RangeKind.Layer, "layer");
        listener.Begin(name, 0);
        listener.End(name);
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < 100; i++)
        {
            listener.Begin(name, i);
            listener.End(name);
        }

        Assert.That(GC.GetAllocatedBytesForCurrentThread() - before, Is.Zero);
    }

    [Test]
    public void Open_NoSuchLibrary_SaysWhichVariableNamesIt() =>
        Assert.That(NvtxTool.Open("/nowhere/libtool.so").Description, Does.Contain("/nowhere/libtool.so").And.Contain("NVTX_INJECTION64_PATH"));

    [Test]
    public void Open_LibraryOfAnotherKind_SaysSo() =>
        Assert.That(NvtxTool.Open("libc.so.6").Description, Does.Contain("libc.so.6 has no InitializeInjectionNvtx2"));

    [Test]
    public void EventAttributes_HaveNvtxsLayout()
    {
        Assert.Multiple(() =>
        {
            Assert.That(sizeof(NvtxEventAttributes), Is.EqualTo(48));
            Assert.That(Marshal.OffsetOf<NvtxEventAttributes>(nameof(NvtxEventAttributes.Payload)), Is.EqualTo((nint)24));
            Assert.That(Marshal.OffsetOf<NvtxEventAttributes>(nameof(NvtxEventAttributes.Message)), Is.EqualTo((nint)40));
        });
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static int Initialise(delegate* unmanaged[Cdecl]<uint, void*> getExportTable)
    {
        nint** core = Table(getExportTable, 1, expectedSize: 16);
        nint** core2 = Table(getExportTable, 5, expectedSize: 16);
        *core[RangePushEx] = (nint)(delegate* unmanaged[Cdecl]<NvtxEventAttributes*, int>)&Push;
        *core[RangePop] = (nint)(delegate* unmanaged[Cdecl]<int>)&Pop;
        *core[NameCategoryA] = (nint)(delegate* unmanaged[Cdecl]<uint, byte*, void>)&NameCategory;
        *core2[RegisterStringA] = _registers ? (nint)(delegate* unmanaged[Cdecl]<nint, byte*, nint>)&Register : 0;
        return _accepts && core[0] is null && core[16] is null && getExportTable(2) is null && ((uint*)getExportTable(3))[2] == 3 ? 1 : 0;
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static int InitialiseSilently(delegate* unmanaged[Cdecl]<uint, void*> getExportTable)
    {
        nint** core = Table(getExportTable, 1, expectedSize: 16);
        *core[RangePushEx] = (nint)(delegate* unmanaged[Cdecl]<NvtxEventAttributes*, int>)&Ignore;
        *core[RangePop] = (nint)(delegate* unmanaged[Cdecl]<int>)&IgnorePop;
        return 1;
    }

    private static nint** Table(delegate* unmanaged[Cdecl]<uint, void*> getExportTable, int module, uint expectedSize)
    {
        var callbacks = (nint*)getExportTable(1);
        nint** table;
        uint size;
        int status = ((delegate* unmanaged[Cdecl]<int, nint***, uint*, int>)callbacks[1])(module, &table, &size);
        return callbacks[0] == 16 && status == 1 && size == expectedSize ? table : throw new InvalidOperationException($"module {module}: {status}, {size}");
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static int Push(NvtxEventAttributes* range)
    {
        string text = range->MessageType == 3 ? Registered[(int)range->Message - 1] : Marshal.PtrToStringUTF8(range->Message)!;
        Heard.Add($"push {text} {range->Payload} category {range->Category}");
        return 0;
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static int Pop()
    {
        Heard.Add("pop");
        return 0;
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static int Ignore(NvtxEventAttributes* range) => 0;

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static int IgnorePop() => 0;

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static void NameCategory(uint category, byte* name) => Heard.Add($"category {category} {Marshal.PtrToStringUTF8((nint)name)}");

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static nint Register(nint domain, byte* text)
    {
        Registered.Add(Marshal.PtrToStringUTF8((nint)text)!);
        return Registered.Count;
    }
}
