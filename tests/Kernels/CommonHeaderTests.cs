using System.Collections.Generic;
using System.Linq;
using GptEngine.Kernels.Common;
using GptEngine.Runtime.Compile;
using NUnit.Framework;

namespace GptEngine.Tests.Kernels;

/// <summary>
/// The wrappers over PTX become the instructions that they are named for. Products have an operand that no compiler knows: of constants alone
/// with source lines for sm_90, ptxas 11.8 recurses until its stack ends.
/// </summary>
[RequiresNvrtc]
public sealed class CommonHeaderTests
{
    [TestCase("uint32 a[4] = {threadIdx.x}; uint32 b[2] = {}; float d[4] = {}; mma_16x8x16<Half>(d, a, b); x[0] = d[0];", 80, "mma.sync.aligned.m16n8k16.row.col.f32.f16")]
    [TestCase("uint32 a[4] = {threadIdx.x}; uint32 b[2] = {}; float d[4] = {}; mma_16x8x16<BFloat16>(d, a, b); x[0] = d[0];", 90, "mma.sync.aligned.m16n8k16.row.col.f32.bf16")]
    [TestCase("uint32 a[2] = {threadIdx.x}; uint32 b[2] = {}; float d[8] = {}; mma_8x8x4(d, a, b); x[0] = d[0];", 70, "mma.sync.aligned.m8n8k4.row.col.f32.f16")]
    [TestCase("__shared__ uint4 s[32]; uint32 t[4]; load_tiles(t, s + threadIdx.x); x[0] = float(t[0]);", 75, "ldmatrix.sync.aligned.m8n8.x4.shared.b16")]
    [TestCase("__shared__ uint4 s[32]; uint32 t[4]; load_tiles_transposed(t, s + threadIdx.x); x[0] = float(t[0]);", 80, "ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16")]
    [TestCase("__shared__ uint4 s[32]; copy_async(s, x, true); commit_copies(); wait_copies<1>(); x[0] = float(s[0].x);", 80, "cp.async.cg.shared.global")]
    [TestCase("x[0] = rounded<Half>(x[1]);", 70, "cvt.rn.f16.f32")]
    [TestCase("x[0] = rounded<BFloat16>(x[1]);", 80, "cvt.rn.bf16.f32")]
    [TestCase("store_pack(x, load_pack(x + 4));", 70, "ld.global.v4")]
    public void Wrapper_BecomesItsInstruction(string body, int target, string instruction)
    {
        var source = new SourceFile("probe.cu", $$"""
            #include "Common/async_copy.cuh"
            #include "Common/packs.cuh"
            extern "C" __global__ void probe(float* x) { {{body}} }
            """);
        CompileRequest request = new(source, KernelSources.HeadersOf(source), [], ComputeCapability.FromNumber(target), ImageFormat.Ptx);

        CompiledImage image = new NvrtcCompiler().Compile(request);

        Assert.That(image.Ptx, Does.Contain(instruction));
        Assert.That(new NvrtcCompiler().Compile(request with { Format = ImageFormat.Cubin }).Resources.Single().Value.SpillStoreBytes, Is.Zero);
    }

    [Test]
    public void Rounded_BFloat16BeforeSm80_UsesNoInstructionThatIsNotThere()
    {
        var source = new SourceFile("probe.cu", """
            #include "Common/numbers.cuh"
            extern "C" __global__ void probe(float* x) { x[0] = rounded<BFloat16>(x[1]); }
            """);
        IEnumerable<ComputeCapability> old = [new(7, 0), new(7, 5)];

        Assert.That(
            old.Select(target => new NvrtcCompiler().Compile(new(source, KernelSources.HeadersOf(source), [], target, ImageFormat.Ptx)).Ptx),
            Has.All.Not.Contains("bf16"));
    }
}
