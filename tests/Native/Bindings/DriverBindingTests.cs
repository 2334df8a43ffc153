using System;
using System.Collections.Generic;
using System.Linq;
using System.Reflection;
using System.Runtime.InteropServices;
using GptEngine.Runtime.Native.Cuda;
using GptEngine.Runtime.Native.Nvtx;
using NUnit.Framework;

namespace GptEngine.Tests.Native.Bindings;

/// <summary>What is called through addresses, and what calls back: the driver's entry points by their versions, NVTX's tables, queries of libraries.</summary>
public sealed unsafe class DriverBindingTests
{
    private const BindingFlags Everything = BindingFlags.Static | BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.DeclaredOnly;

    /// <summary>Calls through addresses outside of <see cref="CudaNative"/>, in their order, by the functions that they are of.</summary>
    private static readonly Dictionary<string, string[]> Calls = new()
    {
        ["CudaEntryPoints.ByVersion"] = ["cuGetProcAddress_v2", "cuGetProcAddress"],
        ["GpuLibraries.DriverVersion"] = ["cuDriverGetVersion"],
        ["GpuLibraries.CompilesFor"] = ["nvrtcGetNumSupportedArchs", "nvrtcGetSupportedArchs"],
        ["GpuLibraries.NvrtcMajor"] = ["nvrtcVersion"],
        ["GpuLibraries.CublasLtMajor"] = ["cublasLtGetVersion"],
        ["NativeVersion.ByReference"] = ["cuDriverGetVersion"],
        ["NativeVersion.Returned"] = ["cublasLtGetVersion"],
        ["NativeVersion.NvrtcVersion"] = ["nvrtcVersion"],
        ["NvtxTool.Attach"] = ["NvtxInitializeInjectionNvtxFunc_t"],
        ["NvtxTool.NameCategory"] = ["nvtxNameCategoryA_impl_fntype"],
        ["NvtxTool.Register"] = ["nvtxDomainRegisterStringA_impl_fntype"],
        ["NvtxTool.Push"] = ["nvtxRangePushEx_impl_fntype"],
        ["NvtxTool.Pop"] = ["nvtxRangePop_impl_fntype"],
    };

    private static readonly Dictionary<string, string> Callbacks = new()
    {
        ["CudaStream.Call"] = "CUhostFn",
        ["CudaStream.CallOnce"] = "CUhostFn",
        ["NvtxTables.ExportTable"] = "NvtxGetExportTableFunc_t",
        ["NvtxTables.GetModuleFunctionTable"] = "NvtxExportTableCallbacks::GetModuleFunctionTable",
        ["NvtxTables.SetInjectionVersion"] = "NvtxExportTableVersionInfo::SetInjectionNvtxVersion",
    };

    private static HeaderFacts[] Drivers() => [.. HeaderFacts.All.Where(facts => facts.EntryPoints.Count > 0)];

    private static MethodInfo[] DriverCalls() =>
        [.. typeof(CudaNative).GetMethods(Everything).Where(method => method.Name.StartsWith("cu", StringComparison.Ordinal))];

    [TestCaseSource(nameof(Drivers))]
    public void EntryPoint_ExistsInTheVersionThatItIsAskedFor(object driver)
    {
        var facts = (HeaderFacts)driver;
        Assert.Multiple(() =>
        {
            foreach ((string symbol, string export, int version) in CudaEntryPoints.Known)
            {
                Assert.That(facts.EntryPoints.GetValueOrDefault(symbol, []).Keys, Does.Contain($"{version}"), symbol);
                Assert.That(facts.Exports.GetValueOrDefault($"{symbol} {version}"), Is.EqualTo(export).Or.Null, symbol);
            }
        });
    }

    [Test]
    public void EntryPoint_IsTheExportThatStandsInForIt() => Assert.That(
        CudaEntryPoints.Known.Where(known => !Drivers().Any(facts => facts.Exports.GetValueOrDefault($"{known.Symbol} {known.Version}") == known.Export)),
        Is.Empty, "entry points of which no driver has said which exported function they are");

    [TestCaseSource(nameof(DriverCalls))]
    public void DriverCall_GoesToItsOwnEntryPointWithTheArgumentsOfItsVersion(MethodInfo method)
    {
        IReadOnlyList<int> functions = IndirectCalls.ConstantsHandedTo(method, typeof(CudaNative).GetMethod("At", Everything)!);
        Assert.That(functions, Has.Count.EqualTo(1));
        (string symbol, string export, int version) = CudaEntryPoints.Known[functions[0]];
        Assert.That(method.Name, Is.EqualTo(export));
        IReadOnlyList<string> calls = IndirectCalls.Of(method);
        Assert.That(calls, Has.Count.EqualTo(1));
        foreach (HeaderFacts facts in Drivers())
        {
            string declared = facts.EntryPoints[symbol][$"{version}"];
            Assert.That(NativeSignature.Fits(calls[0], declared), Is.True, $"{facts.Version}: called as {calls[0]}, declared as {declared}");
            Assert.That(NativeSignature.Fits(NativeSignature.Of(method, facts), declared), Is.True, $"{facts.Version}: bound as {NativeSignature.Of(method, facts)}, declared as {declared}");
        }
    }

    [Test]
    public void DriverCalls_CoverEveryEntryPoint() =>
        Assert.That(DriverCalls().Select(method => method.Name), Is.EquivalentTo(CudaEntryPoints.Known.Select(known => known.Export)));

    [Test]
    public void OtherCallThroughAnAddress_HasTheArgumentsOfTheHeader()
    {
        Dictionary<string, IReadOnlyList<string>> found = typeof(CudaNative).Assembly.GetTypes()
            .Where(type => type != typeof(CudaNative) && type.Namespace != "GptEngine.Runtime.Native.Cupti")
            .SelectMany(type => type.GetMethods(Everything))
            .Select(method => (Name: $"{method.DeclaringType!.Name}.{method.Name}", Calls: IndirectCalls.Of(method)))
            .Where(method => method.Calls.Count > 0)
            .ToDictionary(method => method.Name, method => method.Calls);
        Assert.That(found.Keys, Is.EquivalentTo(Calls.Keys), "calls of which it is not known what they call: add them to Calls");
        Assert.Multiple(() =>
        {
            foreach ((string method, string[] functions) in Calls)
            {
                Assert.That(found[method], Has.Count.EqualTo(functions.Length), method);
                foreach ((string function, string call) in functions.Zip(found[method]))
                {
                    // From CUDA 12 on the header declares the first name with the second form's arguments, which only its macro gives it.
                    BindingTests.AssertFits(function, facts => function == "cuGetProcAddress" && facts.Functions.ContainsKey("cuGetProcAddress_v2") ? facts.Functions[function] : call);
                }
            }
        });
    }

    [Test]
    public void Callback_HasTheArgumentsOfTheHeader()
    {
        MethodInfo[] found =
        [
            .. typeof(CudaNative).Assembly.GetTypes().Where(type => type.Namespace != "GptEngine.Runtime.Native.Cupti")
                .SelectMany(type => type.GetMethods(Everything)).Where(method => method.GetCustomAttribute<UnmanagedCallersOnlyAttribute>() is not null),
        ];
        Assert.That(found.Select(method => $"{method.DeclaringType!.Name}.{method.Name}"), Is.EquivalentTo(Callbacks.Keys));
        Assert.Multiple(() =>
        {
            foreach (MethodInfo method in found)
            {
                BindingTests.AssertFits(Callbacks[$"{method.DeclaringType!.Name}.{method.Name}"], facts => NativeSignature.Of(method, facts));
            }
        });
    }

    [TestCaseSource(nameof(NvtxHeaders))]
    public void NvtxTables_HaveTheSizesOfTheHeader(object headers)
    {
        var facts = (HeaderFacts)headers;
        delegate* unmanaged[Cdecl]<uint, void*> export = NvtxTables.GetExportTable;
        var callbacks = (nint*)export((uint)facts.Constants["NVTX_ETID_CALLBACKS"]);
        byte* version = (byte*)export((uint)facts.Constants["NVTX_ETID_VERSIONINFO"]);
        HeaderFacts.Structure information = facts.Structures["NvtxExportTableVersionInfo"];
        Assert.That(callbacks[0], Is.EqualTo((nint)facts.Structures["NvtxExportTableCallbacks"].Size));
        Assert.That(*(nint*)version, Is.EqualTo((nint)information.Size));
        Assert.That(*(uint*)(version + information.Offsets["version"]), Is.EqualTo((uint)facts.Constants["NVTX_VERSION"]));
        Assert.That(*(nint*)(version + information.Offsets["SetInjectionNvtxVersion"]), Is.Not.Zero);
        nint getTable = callbacks[facts.Structures["NvtxExportTableCallbacks"].Offsets["GetModuleFunctionTable"] / sizeof(nint)];
        foreach (string module in (string[])["CORE", "CUDA", "OPENCL", "CUDART", "CORE2", "SYNC"])
        {
            nint** table;
            uint size;
            int status = ((delegate* unmanaged[Cdecl]<int, nint***, uint*, int>)getTable)((int)facts.Constants[$"NVTX_CB_MODULE_{module}"], &table, &size);
            Assert.That((status, (long)size), Is.EqualTo((1, facts.Constants[$"NVTX_CBID_{module}_SIZE"])), module);
        }
    }

    private static HeaderFacts[] NvtxHeaders() => [.. HeaderFacts.All.Where(facts => facts.Constants.ContainsKey("NVTX_VERSION"))];
}
