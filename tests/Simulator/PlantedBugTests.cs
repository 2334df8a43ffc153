using System.Linq;
using GptEngine.Runtime.Cuda;
using GptEngine.Runtime.Simulator.Checks;
using GptEngine.Runtime.Simulator.Driver;
using NUnit.Framework;

namespace GptEngine.Tests.Simulator;

/// <summary>Each kind of bug, planted in a kernel, is found and located; the same kernel without it is clean.</summary>
public sealed class PlantedBugTests
{
    private const int Threads = 128;

    [TestCase("missing_barrier", FindingKind.SharedRace, 1)]
    [TestCase("one_past_the_end", FindingKind.OutOfBounds, 2)]
    [TestCase("misaligned_vector", FindingKind.Misaligned, 1)]
    [TestCase("async_without_wait", FindingKind.AsyncCopyNotWaitedFor, 1)]
    public void BugWithInput_IsFoundAtItsLine(string kernel, FindingKind kind, int grid)
    {
        using KernelRun run = Open();
        (DevicePointer x, DevicePointer y) = Buffers(run);
        if (kernel == "one_past_the_end")
        {
            run.Launch(kernel, grid, Threads, 0, run.Upload(new float[200], "x"), run.Driver.Allocate(800, "y"), 200);
        }
        else
        {
            run.Launch(kernel, grid, Threads, 0, x, y);
        }

        AssertFound(run, kernel, kind);
    }

    [TestCase("divergent_barrier", FindingKind.BarrierDivergence, Threads)]
    [TestCase("unwritten_shared", FindingKind.Uninitialized, Threads)]
    [TestCase("wrong_shuffle_mask", FindingKind.WrongLaneMask, Threads)]
    [TestCase("between_warps", FindingKind.SharedRace, Threads)]
    [TestCase("within_warp", FindingKind.WarpRace, 32)]
    public void Bug_IsFoundAtItsLine(string kernel, FindingKind kind, int threads)
    {
        using KernelRun run = Open();
        run.Launch(kernel, 1, threads, 0, run.Driver.Allocate(4096, "y"));
        AssertFound(run, kernel, kind);
    }

    [Test]
    public void RaceBetweenWarps_DoesNotShowWithOneWarp()
    {
        using KernelRun run = Open();
        run.Launch("between_warps", 1, 32, 0, run.Driver.Allocate(4096, "y"));
        Assert.That(run.Findings, Is.Empty);
    }

    [TestCase(1)]
    [TestCase(2)]
    public void RaceThroughGlobalMemory_IsFound(int hostThreads)
    {
        using KernelRun run = Open(hostThreads);
        run.Launch("global_race", 64, Threads, 0, run.Upload(new float[Threads]), run.Driver.Allocate(64 * Threads * 4, "sums"));
        AssertFound(run, "global_race", FindingKind.GlobalRace);
        string other = run.Findings.First(f => f.Kind == FindingKind.GlobalRace).OtherAccess;
        // Of several blocks that touched a place only the last is kept; beside each other, that may be the finder itself.
        Assert.That(other, hostThreads == 1 ? Does.Contain("planted.cu") : Does.Contain("planted.cu").Or.Contain("another block"));
    }

    [Test]
    public void BarriersThatNeverMeet_AreADeadlock()
    {
        using KernelRun run = Open();
        run.Launch("barrier_deadlock", 1, Threads, 0);
        AssertFound(run, "barrier_deadlock", FindingKind.Deadlock);
    }

    [Test]
    public void FreedMemory_IsNamed()
    {
        using KernelRun run = Open();
        DevicePointer x = run.Upload(new float[Threads], "weights");
        run.Driver.Free(x);
        run.Launch("use_after_free", 1, Threads, 0, x, run.Driver.Allocate(512, "y"));
        Assert.That(run.Findings.Single().Kind, Is.EqualTo(FindingKind.UseAfterFree));
        Assert.That(run.Findings.Single().Message, Does.Contain("weights"));
    }

    [Test]
    public void Leak_IsNamed()
    {
        using KernelRun run = Open();
        DevicePointer freed = run.Driver.Allocate(16, "freed");
        run.Driver.Allocate(16, "forgotten");
        run.Driver.Free(freed);
        Assert.That(run.Driver.FindLeaks().Select(f => f.Message), Is.EqualTo(new[] { "forgotten of 16 bytes was not freed." }));
    }

    [TestCase("with_barrier")]
    [TestCase("aligned_vector")]
    [TestCase("async_with_wait")]
    public void CorrectKernelWithInput_IsClean(string kernel)
    {
        using KernelRun run = Open();
        (DevicePointer x, DevicePointer y) = Buffers(run);
        run.Launch(kernel, 1, Threads, 0, x, y);
        Assert.That(run.Findings, Is.Empty, string.Join("\n", run.Findings));
    }

    [TestCase("uniform_barrier", Threads)]
    [TestCase("written_shared", Threads)]
    [TestCase("right_shuffle_mask", Threads)]
    [TestCase("within_warp_synced", 32)]
    [TestCase("named_barriers", Threads)]
    [TestCase("calls", Threads)]
    public void CorrectKernel_IsClean(string kernel, int threads)
    {
        using KernelRun run = Open();
        run.Launch(kernel, 1, threads, 0, run.Driver.Allocate(4096, "y"));
        Assert.That(run.Findings, Is.Empty, string.Join("\n", run.Findings));
    }

    [Test]
    public void ToTheEnd_IsClean()
    {
        using KernelRun run = Open();
        run.Launch("to_the_end", 2, Threads, 0, run.Upload(new float[200], "x"), run.Driver.Allocate(800, "y"), 200);
        Assert.That(run.Findings, Is.Empty);
    }

    [TestCase(1)]
    [TestCase(2)]
    public void OrderByFenceAndAtomic_IsNoRace(int hostThreads)
    {
        using KernelRun run = Open(hostThreads);
        DevicePointer total = run.Driver.Allocate(4, "total");
        run.Launch("last_block_sums", 50, 64, 0, run.Driver.Allocate(200, "partial"), run.Upload(new int[1]), total);
        Assert.That(run.Findings, Is.Empty, string.Join("\n", run.Findings));
        Assert.That(run.Download<float>(total, 1)[0], Is.EqualTo(50 * 51 / 2));
    }

    [Test]
    public void Atomics_AreNoRace()
    {
        using KernelRun run = Open();
        DevicePointer count = run.Upload(new int[1]);
        run.Launch("global_atomics", 8, Threads, 0, run.Upload(new float[Threads]), count, run.Driver.Allocate(8 * Threads * 4, "sums"));
        Assert.That(run.Findings, Is.Empty, string.Join("\n", run.Findings));
        Assert.That(run.Download<int>(count, 1)[0], Is.EqualTo(8 * Threads));
    }

    [Test]
    public void UnknownInstruction_NamesItselfItsKernelAndItsLine()
    {
        const string ptx = ".version 8.0\n.target sm_90\n.address_size 64\n.visible .entry k()\n{\n.loc 1 7 3\ntensormap.cp_fenceproxy;\nret;\n}\n.file 1 \"/a/k.cu\"\n";
        using var run = new KernelRun(ptx);
        var error = Assert.Throws<GptEngine.Runtime.Simulator.UnsupportedInstructionException>(() => run.Function("k"));
        Assert.That(error!.Message, Does.Contain("tensormap.cp_fenceproxy").And.Contain("k.cu:7").And.Contain("in k,"));
    }

    private static KernelRun Open(int hostThreads = 2) => new(
        Golden.Read("planted.sm80.ptx"), 80, new SimulatorOptions { ThrowOnFinding = false, HostThreads = hostThreads });

    private static (DevicePointer X, DevicePointer Y) Buffers(KernelRun run) =>
        (run.Upload(Enumerable.Range(0, 520).Select(i => (float)i).ToArray(), "x"), run.Driver.Allocate(2080, "y"));

    private static void AssertFound(KernelRun run, string kernel, FindingKind kind)
    {
        Finding? finding = run.Findings.FirstOrDefault(f => f.Kind == kind);
        Assert.That(finding, Is.Not.Null, $"found instead: {string.Join("\n", run.Findings)}");
        Assert.That(finding!.Kernel, Is.EqualTo(kernel));
        Assert.That(finding.Access + finding.OtherAccess, Does.Contain($"planted.cu:{Golden.LineOf("planted.cu", kernel)}"), finding.ToString());
    }
}
