using System;
using System.Collections.Generic;
using System.Linq;
using System.Reflection;
using System.Runtime.InteropServices;
using GptEngine.Runtime.Cuda;
using GptEngine.Runtime.Native.CublasLt;
using GptEngine.Runtime.Native.Cuda;
using GptEngine.Runtime.Native.Nccl;
using NUnit.Framework;

namespace GptEngine.Tests.Native.Bindings;

/// <summary>
/// Every number and every argument list of the bindings against what NVIDIA's headers say, as tests/oracles/bindings.py has asked a compiler.
/// A binding of which no header is known to speak fails.
/// </summary>
public sealed class BindingTests
{
    private const BindingFlags Everything = BindingFlags.Static | BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.DeclaredOnly;

    // Not NVIDIA's, or held against its headers by tests of its own.
    private static readonly string[] OtherLibraries = ["libc", "cupti"];

    private static string[] Constants() => [.. BoundConstants.All.Keys];

    private static MethodInfo[] Imports() =>
    [
        .. from type in typeof(CudaNative).Assembly.GetTypes()
           from method in type.GetMethods(Everything)
           where method.GetCustomAttribute<LibraryImportAttribute>() is { } import && !OtherLibraries.Contains(import.LibraryName)
           select method,
    ];

    [TestCaseSource(nameof(Constants))]
    public void Constant_IsTheHeaders(string constant)
    {
        if (BoundConstants.Own.Contains(constant))
        {
            Assert.That(BoundConstants.Names, Does.Not.ContainKey(constant));
            return;
        }

        Assert.That(BoundConstants.Names, Does.ContainKey(constant), "a number of which no name in C is known: add it to BoundConstants and to the oracle");
        AssertIn(BoundConstants.Names[constant], BoundConstants.All[constant]);
    }

    [Test]
    public void Names_AreAllOfConstantsThatExist() =>
        Assert.That(BoundConstants.Names.Keys.Concat(BoundConstants.Own).Except(BoundConstants.All.Keys), Is.Empty);

    [Test]
    public void NvrtcResults_AreTheHeaders()
    {
        Assert.Multiple(() =>
        {
            foreach ((string name, long number) in BoundConstants.NvrtcResults)
            {
                AssertIn(name, number);
            }

            Assert.That(Known("NVRTC_").Keys.Except(BoundConstants.NvrtcResults.Keys), Is.Empty, "codes without a name");
        });
    }

    [Test]
    public void CublasStatuses_AreToldByTheHeadersNames()
    {
        Dictionary<string, long> statuses = Known("CUBLAS_STATUS_");
        Assert.That(statuses, Has.Count.GreaterThan(9));
        Assert.Multiple(() =>
        {
            foreach ((string name, long number) in statuses.Where(status => status.Value != CublasLtNative.Success))
            {
                GpuException failure = CublasLtNative.Failure((int)number, "cublasLtMatmul(x)", "");
                Assert.That(failure.Code, Is.EqualTo(name));
                Assert.That(failure.Message, Does.Not.Contain("no description"));
            }
        });
    }

    [Test]
    public void NcclResults_AreToldByTheHeadersNames()
    {
        Dictionary<string, long> results = Known("nccl");
        string[] names = ["ncclUnhandledCudaError", "ncclSystemError", "ncclInternalError", "ncclInvalidArgument", "ncclInvalidUsage", "ncclRemoteError", "ncclInProgress"];
        Assert.That(names.Select(name => NcclResults.Describe((int)results[name]).Code), Is.EqualTo(names));
        Assert.That(results["ncclNumResults"], Is.EqualTo(names.Length + 1), "all of them, and success");
    }

    [TestCaseSource(nameof(Imports))]
    public void Import_HasTheArgumentsOfTheHeader(MethodInfo method) => AssertFits(method.Name, facts => NativeSignature.Of(method, facts));

    [Test]
    public void Imports_AreFound() =>
        Assert.That(Imports().Select(method => method.Name), Does.Contain("cublasLtMatmul").And.Contain("ncclAllReduce").And.Contain("nvrtcCompileProgram"));

    [TestCase(typeof(MatmulAlgorithm), "_word", "data")]
    [TestCase(typeof(MatmulHeuristic), nameof(MatmulHeuristic.Algorithm), "algo", nameof(MatmulHeuristic.WorkspaceBytes), "workspaceSize", nameof(MatmulHeuristic.State), "state", nameof(MatmulHeuristic.Waves), "wavesCount", nameof(MatmulHeuristic.Reserved), "reserved")]
    [TestCase(typeof(NcclUniqueId), "_first", "internal")]
    [TestCase(typeof(NcclConfiguration), "_size", "size", "_magic", "magic", "_version", "version", "_blocking", "blocking", "_padding", "cgaClusterSize")]
    [TestCase(typeof(Runtime.Native.Nvtx.NvtxEventAttributes), "Version", "version", "Size", "size", "Category", "category", "ColorType", "colorType", "Color", "color", "PayloadType", "payloadType", "Reserved", "reserved0", "Payload", "payload", "MessageType", "messageType", "Message", "message")]
    public void Structure_LiesAsInTheHeader(Type structure, params string[] fields)
    {
        string name = NativeSignature.Structures[structure];
        HeaderFacts[] versions = [.. HeaderFacts.All.Where(facts => facts.Structures.ContainsKey(name))];
        Dictionary<string, int> ours = NativeLayout.Offsets(structure);
        Assert.That(versions, Is.Not.Empty);
        Assert.That(ours.Keys, Is.EquivalentTo(fields.Where((_, i) => i % 2 == 0)), "every field is compared");
        Assert.Multiple(() =>
        {
            foreach (HeaderFacts facts in versions)
            {
                HeaderFacts.Structure theirs = facts.Structures[name];
                Assert.That(fields.Chunk(2).Select(pair => ours[pair[0]]), Is.EqualTo(fields.Chunk(2).Select(pair => theirs.Offsets[pair[1]])), facts.Version);

                // NCCL's is the first version's, by which it says of itself how long it is.
                Assert.That(NativeLayout.SizeOf(structure), structure == typeof(NcclConfiguration) ? Is.LessThanOrEqualTo(theirs.Size) : Is.EqualTo(theirs.Size), facts.Version);
            }
        });
    }

    [Test]
    public void NcclConfiguration_StartsAsNcclsInitialiser()
    {
        NcclConfiguration[] configuration = [NcclConfiguration.NonBlocking()];
        int[] words = MemoryMarshal.Cast<NcclConfiguration, int>(configuration).ToArray();
        Assert.Multiple(() =>
        {
            Assert.That(words[0], Is.EqualTo(sizeof(int) * words.Length), "size_t size");
            AssertIn("NCCL_CONFIG_INITIALIZER.magic", (uint)words[2]);
            Assert.That(words[3], Is.EqualTo(NcclNative.ConfigurationVersion));
            Assert.That(words[4], Is.Zero, "blocking");
            AssertIn("NCCL_CONFIG_UNDEF_INT", words[5]);
        });
    }

    /// <summary>At least one version has it, and none has it otherwise.</summary>
    private static void AssertIn(string name, long number)
    {
        HeaderFacts[] versions = [.. HeaderFacts.All.Where(facts => facts.Constants.ContainsKey(name))];
        Assert.That(versions, Is.Not.Empty, $"no header that is known of has {name}");
        foreach (HeaderFacts facts in versions)
        {
            Assert.That(number, Is.EqualTo(facts.Constants[name]), $"{name} of {facts.Version}");
        }
    }

    internal static void AssertFits(string function, Func<HeaderFacts, string> ours)
    {
        HeaderFacts[] versions = [.. HeaderFacts.All.Where(facts => facts.Functions.ContainsKey(function))];
        Assert.That(versions, Is.Not.Empty, $"no header that is known of has {function}");
        foreach (HeaderFacts facts in versions)
        {
            string bound = ours(facts);
            Assert.That(NativeSignature.Fits(bound, facts.Functions[function]), Is.True, $"{function} of {facts.Version}: bound as {bound}, declared as {facts.Functions[function]}");
        }
    }

    private static Dictionary<string, long> Known(string prefix) => HeaderFacts.All.SelectMany(facts => facts.Constants)
        .Where(constant => constant.Key.StartsWith(prefix, StringComparison.Ordinal)).Distinct().ToDictionary();
}
