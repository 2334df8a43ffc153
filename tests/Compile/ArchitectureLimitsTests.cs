using GptEngine.Runtime;
using GptEngine.Runtime.Compile;
using NUnit.Framework;

namespace GptEngine.Tests.Compile;

public sealed class ArchitectureLimitsTests
{
    // By hand, from the tables of the programming guide: registers a thread, static and dynamic shared bytes, threads, blocks an SM.
    [TestCase(70, 32, 0, 0, 256, 8, TestName = "full: 8 blocks of 8 warps")]
    [TestCase(70, 33, 0, 0, 256, 6, TestName = "33 registers go as 40: 16384/1280 = 12 warps a quarter")]
    [TestCase(70, 255, 0, 0, 256, 1, TestName = "255 registers: 8 warps an SM")]
    [TestCase(70, 16, 0, 0, 32, 32, TestName = "limited by blocks")]
    [TestCase(70, 32, 0, 49152, 256, 2, TestName = "V100: 96 KiB shared")]
    [TestCase(75, 32, 0, 0, 256, 4, TestName = "Turing: 32 warps")]
    [TestCase(80, 32, 0, 54272, 256, 3, TestName = "A100: 164 KiB, a KiB of each block reserved")]
    [TestCase(86, 32, 0, 0, 256, 6, TestName = "GA10x: 48 warps")]
    [TestCase(90, 64, 0, 0, 1024, 1, TestName = "64 registers: one block of 1024")]
    [TestCase(90, 32, 1024, 231424, 256, 1, TestName = "H100: 227 KiB is the most a block may have")]
    [TestCase(90, 32, 1024, 231425, 256, 0, TestName = "a byte more does not fit")]
    [TestCase(90, 65, 0, 0, 1024, 0, TestName = "too many registers for the block")]
    public void ResidentBlocks_MatchesPencil(int target, int registers, int staticShared, int dynamicShared, int threads, int blocks)
    {
        ArchitectureLimits limits = ArchitectureLimits.Of(ComputeCapability.FromNumber(target));

        Assert.That(limits.ResidentBlocks(new(registers, staticShared, 0, 0, 0), threads, dynamicShared), Is.EqualTo(blocks));
    }

    [Test]
    public void Parse_AcceptsEveryForm([Values("sm_86", "compute_86", "86")] string text) =>
        Assert.That(ComputeCapability.Parse(text), Is.EqualTo(new ComputeCapability(8, 6)));

    [Test]
    public void Parse_AnythingElse_IsUsage([Values("", "sm_", "sm", "gpu_80", "sm_8x", "-80")] string text) =>
        Assert.That(Assert.Throws<UserErrorException>(() => ComputeCapability.Parse(text))!.ExitCode, Is.EqualTo(ExitCode.Usage));
}
