using System;
using System.Linq;
using System.Text;
using GptEngine.Runtime;
using GptEngine.Runtime.Compile;
using GptEngine.Runtime.Native.Nvrtc;
using NUnit.Framework;

namespace GptEngine.Tests.Compile;

[RequiresNvrtc]
public sealed class NvrtcCompilerTests
{
    private const string Doubling = """
        #include "Common/twice.cuh"
        template <typename T, int Threads> __global__ void __launch_bounds__(Threads) doubled(T* x) {
            __shared__ T shared[Threads];
            shared[threadIdx.x] = x[threadIdx.x];
            __syncthreads();
            x[threadIdx.x] = twice(shared[Threads - 1 - threadIdx.x]);
        }
        """;

    private static readonly string[] Instances = ["doubled<float, 128>", "doubled<int, 64>"];

    [TestCase(70)]
    [TestCase(80)]
    [TestCase(90)]
    public void Compile_ToPtx_NamesEveryInstance(int target)
    {
        CompiledImage image = new NvrtcCompiler().Compile(Request(ImageFormat.Ptx, ComputeCapability.FromNumber(target)));

        Assert.That(image.Ptx, Does.Contain($".target sm_{target}"));
        Assert.That(image.LoweredNames.Keys, Is.EquivalentTo(Instances));
        Assert.That(image.LoweredNames.Values.All(name => image.Ptx.Contains($".entry {name}(", StringComparison.Ordinal)), image.Ptx);
        Assert.That(image.Ptx, Does.Contain("Common/twice.cuh"), "the line table names the header");
    }

    [Test]
    public void Compile_ToMachineCode_ReportsResources()
    {
        CompiledImage image = new NvrtcCompiler().Compile(Request(ImageFormat.Cubin, new(8, 0)));

        Assert.That(image.Bytes.Span[..4].SequenceEqual("\u007fELF"u8));
        KernelResources resources = image.Resources[image.LoweredNames["doubled<float, 128>"]];
        Assert.That(resources.StaticSharedBytes, Is.EqualTo(512));
        Assert.That(resources.Registers, Is.InRange(4, 32));
        Assert.That(resources.SpillStoreBytes + resources.SpillLoadBytes + resources.StackBytes, Is.Zero);
    }

    [Test]
    public void Compile_TooFewRegisters_ReportsSpills()
    {
        const string source = """
            extern "C" __global__ void __launch_bounds__(1024, 2) crowded(float* x) {
                float held[96];
                #pragma unroll
                for (int i = 0; i < 96; ++i) held[i] = x[i * 1024 + threadIdx.x];
                __syncthreads();
                #pragma unroll
                for (int i = 0; i < 96; ++i) x[(i * 37 % 96) * 1024 + threadIdx.x] = held[i] * held[95 - i];
            }
            """;
        CompileRequest request = new(new("crowded.cu", source), [], [], new(8, 0), ImageFormat.Cubin);

        KernelResources resources = new NvrtcCompiler().Compile(request).Resources["crowded"];

        Assert.That(resources.SpillStoreBytes, Is.Positive);
        Assert.That(resources.StackBytes, Is.Positive);
    }

    [TestCase(ImageFormat.Ptx)]
    [TestCase(ImageFormat.Cubin)]
    public void Compile_LineTable_NamesNoFolderOfThisProcess(ImageFormat format)
    {
        CompiledImage image = new NvrtcCompiler().Compile(Request(format, new(8, 0)));

        string text = Encoding.Latin1.GetString(image.Bytes.Span);
        Assert.That(text, Does.Contain("/gptengine/"));
        Assert.That(text, Does.Not.Contain(Environment.CurrentDirectory), "NVRTC writes it before names without a root");
    }

    [Test]
    public void Compile_Error_StartsWithFileAndLine()
    {
        CompileRequest request = Request(ImageFormat.Ptx, new(8, 0)) with { Headers = [new("Common/twice.cuh", "\nint broken(")] };

        CompileException error = Assert.Throws<CompileException>(() => new NvrtcCompiler().Compile(request))!;

        Assert.That(error.Message, Does.Match(@"^(Common/twice\.cuh|doubling\.cu):\d+: error: \S"));
        Assert.That(error.Log, Does.Not.Contain(NvrtcCompiler.SourceRoot), "files are called what the request calls them");
        Assert.That(error.Log, Is.Not.Empty);
    }

    [Test]
    public void Compile_UnknownInstance_IsACompileError()
    {
        CompileRequest request = Request(ImageFormat.Ptx, new(8, 0)) with { NameExpressions = ["tripled<float>"] };

        Assert.That(() => new NvrtcCompiler().Compile(request), Throws.TypeOf<CompileException>());
    }

    [Test]
    public void Compile_UnknownOption_NamesCallAndCode()
    {
        CompileRequest request = Request(ImageFormat.Ptx, new(8, 0)) with { Options = ["--no-such-option"] };

        NvrtcException error = Assert.Throws<NvrtcException>(() => new NvrtcCompiler().Compile(request))!;

        Assert.That(error.Result, Is.EqualTo(NvrtcResult.InvalidOption));
        Assert.That(error.Message, Does.StartWith("nvrtcCompileProgram failed with NVRTC_ERROR 5 (InvalidOption): "));
        Assert.That(error.Message, Does.Contain("no-such-option"));
    }

    [Test]
    public void Compile_UnknownArchitecture_SaysWhichThereAre()
    {
        UserErrorException error = Assert.Throws<UserErrorException>(
            () => new NvrtcCompiler().Compile(Request(ImageFormat.Ptx, new(2, 0))))!;

        Assert.That(error.ExitCode, Is.EqualTo(ExitCode.MissingDependency));
        Assert.That(error.Message, Does.Contain("sm_20").And.Contain("sm_90"));
    }

    [Test]
    public void Compile_ForOneArchitectureAlone_HasItsInstructions([Values] ImageFormat format)
    {
        const string source = """
            extern "C" __global__ void fenced() { asm volatile("wgmma.fence.sync.aligned;" ::: "memory"); }
            """;
        CompileRequest request = new(new("fenced.cu", source), [], ["fenced"], new(9, 0), format) { IsArchitectureSpecific = true };

        CompiledImage image = new NvrtcCompiler().Compile(request);

        Assert.That(image.Target, Is.EqualTo(new ComputeCapability(9, 0)));
        Assert.That(format == ImageFormat.Ptx ? image.Ptx : image.Log, Does.Contain("sm_90a"));
        Assert.That(() => new NvrtcCompiler().Compile(request with { IsArchitectureSpecific = false, Format = ImageFormat.Cubin }), Throws.Exception);
    }

    private static CompileRequest Request(ImageFormat format, ComputeCapability target) => new(
        new("doubling.cu", Doubling),
        [new("Common/twice.cuh", "template <typename T> __device__ inline T twice(T value) { return value + value; }")],
        [.. Instances],
        target,
        format);
}
