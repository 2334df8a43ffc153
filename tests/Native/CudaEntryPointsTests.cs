using System;
using System.Collections.Generic;
using System.Linq;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using GptEngine.Runtime;
using GptEngine.Runtime.Native.Cuda;
using NUnit.Framework;

namespace GptEngine.Tests.Native;

/// <summary>How the driver's functions are found, in drivers of each age; the drivers here are tables.</summary>
[NonParallelizable]
public sealed unsafe class CudaEntryPointsTests
{
    private const nint ByVersion = 0x1000, ByExport = 0x2000;

    private static readonly Dictionary<string, int> Asked = [];
    private static readonly HashSet<string> Unknown = [];

    [SetUp]
    public void Forget()
    {
        Asked.Clear();
        Unknown.Clear();
    }

    [Test]
    public void Known_StandInTheOrderOfTheirNumbers() => Assert.That(
        CudaEntryPoints.Known.Select(known => known.Symbol), Is.EqualTo(Enum.GetNames<CudaEntryPoint>().Select(name => "cu" + name)));

    [Test]
    public void Driver12_IsAskedByBaseNameAndVersion()
    {
        var driver = new CudaEntryPoints(name => name == "cuGetProcAddress_v2" ? (nint)(delegate* unmanaged[Cdecl]<byte*, nint*, int, ulong, int*, int>)&Second : ByExport);
        Assert.That(driver.Missing, Is.Empty);
        Assert.That(Asked, Is.EqualTo(CudaEntryPoints.Known.ToDictionary(known => known.Symbol, known => known.Version)));
        Assert.That(Asked["cuMemAlloc"], Is.EqualTo(3020), "the version that brought cuMemAlloc_v2");
        Assert.That(Enum.GetValues<CudaEntryPoint>().Select(function => driver[function]), Has.All.EqualTo(ByVersion));
    }

    [Test]
    public void Driver11_IsAskedByTheFirstForm()
    {
        var driver = new CudaEntryPoints(name => name == "cuGetProcAddress" ? (nint)(delegate* unmanaged[Cdecl]<byte*, nint*, int, ulong, int>)&First : 0);
        Assert.That(driver.Missing, Is.Empty);
        Assert.That(Asked, Has.Count.EqualTo(CudaEntryPoints.Known.Length));
        Assert.That(driver[CudaEntryPoint.MemAlloc], Is.EqualTo(ByVersion));
    }

    [Test]
    public void OlderDriver_HasItsExports()
    {
        var names = new List<string>();
        var driver = new CudaEntryPoints(name =>
        {
            names.Add(name);
            return name.StartsWith("cuGetProcAddress", StringComparison.Ordinal) ? 0 : ByExport;
        });
        Assert.That(names, Does.Contain("cuMemAlloc_v2").And.Not.Contain("cuMemAlloc"));
        Assert.That(driver[CudaEntryPoint.MemAlloc], Is.EqualTo(ByExport));
    }

    [Test]
    public void FunctionThatTheDriverLacks_IsToldByName()
    {
        Unknown.Add("cuGraphInstantiateWithFlags");
        var driver = new CudaEntryPoints(name => name == "cuGetProcAddress_v2" ? (nint)(delegate* unmanaged[Cdecl]<byte*, nint*, int, ulong, int*, int>)&Second : 0);
        Assert.That(driver.Missing, Is.EqualTo(new[] { "cuGraphInstantiateWithFlags (CUDA 11.4)" }));
        UserErrorException lacking = Assert.Throws<UserErrorException>(driver.RequireAll)!;
        Assert.That(lacking.ExitCode, Is.EqualTo(ExitCode.MissingDependency));
        Assert.That(lacking.Message, Does.Contain("no cuGraphInstantiateWithFlags (CUDA 11.4)").And.Contain("470"));
        Assert.That(driver[CudaEntryPoint.GraphLaunch], Is.EqualTo(ByVersion));
        Assert.Throws<UserErrorException>(() => _ = driver[CudaEntryPoint.GraphInstantiateWithFlags]);
    }

    [Test]
    public void DriverThatLacksNearlyAll_IsToldInASentence()
    {
        var driver = new CudaEntryPoints(name => name == "cuInit" ? ByExport : 0);
        UserErrorException lacking = Assert.Throws<UserErrorException>(driver.RequireAll)!;
        Assert.That(lacking.Message, Does.StartWith("The driver has no cuGetErrorName (CUDA 6.0), cuGetErrorString (CUDA 6.0), cuDeviceGetCount (CUDA 2.0) and 44 more of 48. Install"));
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static int Second(byte* symbol, nint* address, int version, ulong flags, int* found)
    {
        string name = Ask(symbol, version);
        (*address, *found) = Unknown.Contains(name) ? (0, 1) : (ByVersion, 0);
        return 0;
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static int First(byte* symbol, nint* address, int version, ulong flags)
    {
        Ask(symbol, version);
        *address = ByVersion;
        return 0;
    }

    private static string Ask(byte* symbol, int version)
    {
        string name = Marshal.PtrToStringUTF8((nint)symbol)!;
        Asked.Add(name, version);
        return name;
    }
}
