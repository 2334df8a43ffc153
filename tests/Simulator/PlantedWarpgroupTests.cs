using System.Linq;
using GptEngine.Runtime.Cuda;
using GptEngine.Runtime.Simulator;
using GptEngine.Runtime.Simulator.Checks;
using GptEngine.Runtime.Simulator.Driver;
using NUnit.Framework;

namespace GptEngine.Tests.Simulator;

/// <summary>Each way to use wgmma wrongly is found and located; right uses are clean.</summary>
public sealed class PlantedWarpgroupTests
{
    [TestCase("sums_read_early", FindingKind.ProductNotWaitedFor)]
    [TestCase("later_group_read_early", FindingKind.ProductNotWaitedFor)]
    [TestCase("not_committed", FindingKind.ProductNotWaitedFor)]
    [TestCase("left_read_early", FindingKind.ProductNotWaitedFor)]
    [TestCase("sums_written_after_fence", FindingKind.ProductNotFenced)]
    [TestCase("left_written_after_fence", FindingKind.ProductNotFenced)]
    [TestCase("never_fenced", FindingKind.ProductNotFenced)]
    [TestCase("stores_not_shown", FindingKind.ProxyFenceMissing)]
    [TestCase("copies_not_shown", FindingKind.ProxyFenceMissing)]
    [TestCase("shown_too_late", FindingKind.ProxyFenceMissing)]
    [TestCase("shown_by_one_lane", FindingKind.ProxyFenceMissing)]
    [TestCase("no_barrier", FindingKind.SharedRace)]
    [TestCase("overwritten_early", FindingKind.ProductNotWaitedFor)]
    [TestCase("copied_over_early", FindingKind.ProductNotWaitedFor)]
    [TestCase("overwritten_by_others", FindingKind.ProductNotWaitedFor, 256)]
    [TestCase("bulk_read_early", FindingKind.AsyncCopyNotWaitedFor)]
    [TestCase("bulk_over_product", FindingKind.ProductNotWaitedFor)]
    [TestCase("swizzle_misaligned", FindingKind.Misaligned)]
    [TestCase("address_not_encoded", FindingKind.Misaligned)]
    [TestCase("beyond_the_end", FindingKind.OutOfBounds)]
    [TestCase("three_warps", FindingKind.WarpgroupDivergence)]
    [TestCase("three_warps", FindingKind.WarpgroupDivergence, 96)]
    [TestCase("odd_warps", FindingKind.WarpgroupDivergence, 192)]
    [TestCase("different_descriptors", FindingKind.WarpgroupDivergence)]
    public void Bug_IsFoundAtItsLine(string kernel, FindingKind kind, int threads = 128)
    {
        using KernelRun run = Launch(kernel, threads);
        string line = $"warpgroup.cu:{Golden.LineOf("warpgroup.cu", kernel)}";
        Assert.That(run.Findings.Any(f => f.Kind == kind && f.Access.Contains(line)), $"{line} was to be found: {string.Join("\n", run.Findings)}");

        // Whoever overwrites what others still read, or reads before a barrier, races with them too, and the other way round.
        Assert.That(
            run.Findings.Select(f => f.Kind),
            Is.All.AnyOf(
                kind, FindingKind.SharedRace, FindingKind.WarpRace, FindingKind.Uninitialized, kind == FindingKind.SharedRace ? FindingKind.ProductNotWaitedFor : kind),
            "nothing else is wrong with it");
    }

    [TestCase("right")]
    [TestCase("right_with_copies")]
    [TestCase("right_with_groups")]
    public void RightUse_IsClean(string kernel)
    {
        using KernelRun run = Launch(kernel, 128);
        Assert.That(run.Findings, Is.Empty, string.Join("\n", run.Findings));
    }

    [Test]
    public void BulkCopies_BringWhatTheyCopy()
    {
        using var run = new KernelRun(Golden.Read("warpgroup.sm90a.ptx"), 90, new SimulatorOptions { ThrowOnFinding = false, HostThreads = 1 });
        float[] x = [.. Enumerable.Range(0, 1024).Select(i => (float)i)];
        DevicePointer y = run.Driver.Allocate((1024 + 128) * 4, "y");
        run.Launch("right_with_bulk_copies", 1, 128, 0, run.Upload(x, "x"), y);
        Assert.That(run.Findings, Is.Empty, string.Join("\n", run.Findings));
        Assert.That(run.Download<float>(y, 1152)[1024..], Is.EqualTo(x[256..384]), "the third phase's words");
        Assert.That(run.Driver.LastLaunch!.Counters.GlobalLoadBytes, Is.EqualTo(3 * 4096));
    }

    [Test]
    public void WaitingForBytesThatNobodyCopies_IsADeadlock()
    {
        using KernelRun run = Launch("bulk_too_short", 128);
        Assert.That(run.Findings.Select(f => f.Kind), Is.EqualTo(new[] { FindingKind.Deadlock }));
    }

    [Test]
    public void OverwritingRegistersOfA_BeforeTheWait_IsFound()
    {
        using var run = new KernelRun(Ptx(
            "sm_90a",
            "wgmma.mma_async.sync.aligned.m64n8k16.f32.bf16.bf16 {%f0, %f1, %f2, %f3}, {%r0, %r1, %r2, %r3}, %rd0, 0, 1, 1, 0;\n"
            + "wgmma.commit_group.sync.aligned;\ncvt.u32.u64 %r1, %rd0;\nwgmma.wait_group.sync.aligned 0;\n"));
        run.Launch("k", 1, 128, 0);
        Assert.That(run.Findings.Select(f => f.Kind), Does.Contain(FindingKind.ProductNotWaitedFor), string.Join("\n", run.Findings));
        Assert.That(run.Findings.Single(f => f.Kind == FindingKind.ProductNotWaitedFor).Message, Does.Contain("overwrites"));
    }

    [Test]
    public void OtherShapeOnTheSameSums_NeedsAFence()
    {
        const string product = "wgmma.mma_async.sync.aligned.m64n{0}k16.f32.bf16.bf16 {{{1}}}, {{%r0, %r1, %r2, %r3}}, %rd0, 0, 1, 1, 0;\n";
        string eight = string.Format(product, 8, "%f0, %f1, %f2, %f3");
        string sixteen = string.Format(product, 16, "%f0, %f1, %f2, %f3, %f4, %f5, %f6, %f7");
        foreach (string between in new[] { "", "wgmma.fence.sync.aligned;\n" })
        {
            using var run = new KernelRun(Ptx("sm_90a", eight + between + sixteen + "wgmma.commit_group.sync.aligned;\nwgmma.wait_group.sync.aligned 0;\n"));
            run.Launch("k", 1, 128, 0);
            Assert.That(run.Findings.Count(f => f.Kind == FindingKind.ProductNotFenced), Is.EqualTo(between.Length == 0 ? 1 : 0), string.Join("\n", run.Findings));
        }
    }

    [Test]
    public void PlainTarget_HasNoProducts()
    {
        using var run = new KernelRun(Ptx("sm_90", ""));
        var error = Assert.Throws<UnsupportedInstructionException>(() => run.Function("k"));
        Assert.That(error!.Message, Does.Contain("wgmma.fence.sync.aligned").And.Contain("sm_90a"));
    }

    private static KernelRun Launch(string kernel, int threads)
    {
        var run = new KernelRun(Golden.Read("warpgroup.sm90a.ptx"), 90, new SimulatorOptions { ThrowOnFinding = false, HostThreads = 1 });
        run.Launch(kernel, 1, threads, 0, run.Upload(Enumerable.Range(0, 1024).Select(i => (float)i).ToArray(), "x"), run.Driver.Allocate(4096, "y"));
        return run;
    }

    /// <summary>A kernel whose products read what nothing wrote: other findings do not matter.</summary>
    private static string Ptx(string target, string body) =>
        $".version 8.4\n.target {target}\n.address_size 64\n.visible .entry k()\n{{\n.shared .align 1024 .b8 tile[4096];\n"
        + ".reg .f32 %f<8>; .reg .b32 %r<8>; .reg .b64 %rd<4>;\n"
        + "mov.u64 %rd1, tile; shr.u64 %rd0, %rd1, 4; or.b64 %rd0, %rd0, 0x1000080000;\n"
        + "mov.f32 %f0, 0f00000000; mov.u32 %r0, 0; mov.u32 %r1, 0; mov.u32 %r2, 0; mov.u32 %r3, 0;\n"
        + "wgmma.fence.sync.aligned;\n" + body + "ret;\n}\n";
}
