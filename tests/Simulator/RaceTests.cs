using System.Linq;
using GptEngine.Runtime.Simulator.Checks;
using NUnit.Framework;

namespace GptEngine.Tests.Simulator;

/// <summary>Where the race checks draw their lines: bytes of a word, scopes of fences and atomics, lanes of one store.</summary>
public sealed class RaceTests
{
    private const string Header = """
        .version 7.8
        .target sm_80
        .address_size 64
        .visible .entry k(.param .u64 pa, .param .u64 pb)
        {
        .shared .align 16 .b8 tile[256];
        .reg .b64 %a, %b, %p, %q;
        .reg .b32 %t, %c, %x, %y, %s, %n;
        .reg .b16 %h;
        .reg .pred %never, %first;
        ld.param.u64 %a, [pa];
        ld.param.u64 %b, [pb];
        mov.u32 %t, %tid.x;
        mov.u32 %c, %ctaid.x;
        setp.gt.u32 %never, %t, 5000;
        setp.eq.u32 %first, %t, 0;

        """;

    /// <summary>Block c's half word c is read and written in place; its neighbour in the word belongs to the next block.</summary>
    private const string GlobalHalves = """
        mul.wide.u32 %p, %c, 2; add.s64 %p, %p, %a;
        ld.global.u16 %h, [%p]; add.u16 %h, %h, 1; st.global.u16 [%p], %h;
        """;

    /// <summary>The same by warps in shared memory: lane 0 of each.</summary>
    private const string SharedHalves = """
        mov.u32 %s, tile; shr.u32 %x, %t, 5; and.b32 %y, %t, 31; mad.lo.u32 %s, %x, 2, %s;
        setp.eq.u32 %first, %y, 0; cvt.u16.u32 %h, %x;
        @%first st.shared.u16 [%s], %h;
        @%first ld.shared.u16 %h, [%s];
        @%first st.shared.u16 [%s], %h;
        """;

    [TestCase(1)]
    [TestCase(2)]
    public void HalvesOfAWord_OfTwoBlocks_AreNoRace(int hostThreads)
    {
        using var run = Open(GlobalHalves, hostThreads);
        run.Launch("k", 64, 1, 0, run.Upload(new ushort[64]), 0L);
        Assert.That(run.Findings, Is.Empty, string.Join("\n", run.Findings));
    }

    [Test]
    public void HalvesOfAWord_OfTwoWarps_AreNoRace()
    {
        using var run = Open(SharedHalves);
        run.Launch("k", 1, 256, 0, 0L, 0L);
        Assert.That(run.Findings, Is.Empty, string.Join("\n", run.Findings));
    }

    [TestCase(1)]
    [TestCase(2)]
    public void HalfAndItsWord_OfTwoBlocks_AreARace(int hostThreads)
    {
        // Block 0 writes the upper half, block 1 reads the word.
        using var run = Open(
            """
            setp.eq.u32 %first, %c, 0; mov.b16 %h, 7;
            @%first st.global.u16 [%a+2], %h;
            @!%first ld.global.u32 %x, [%a];
            """,
            hostThreads);
        run.Launch("k", 2, 1, 0, run.Upload(new uint[4]), 0L);
        Assert.That(run.Findings.Select(f => f.Kind), Does.Contain(FindingKind.GlobalRace));
    }

    [Test]
    public void HalfAndItsWord_OfTwoWarps_AreARace()
    {
        using var run = Open(
            """
            mov.b16 %h, 7; mov.u32 %x, 9; setp.lt.u32 %first, %t, 32; and.b32 %y, %t, 31; setp.eq.and.u32 %never, %y, 0, %first;
            @%never st.shared.u16 [tile+2], %h;
            setp.eq.u32 %first, %t, 32;
            @%first st.shared.u32 [tile], %x;
            """);
        run.Launch("k", 1, 64, 0, 0L, 0L);
        Assert.That(run.Findings.Select(f => f.Kind), Is.EqualTo(new[] { FindingKind.SharedRace }));
    }

    [TestCase("st.global.u32 [%a], %t;", FindingKind.WarpRace)]
    [TestCase("st.shared.u32 [tile], %t;", FindingKind.WarpRace)]
    [TestCase("shr.u32 %x, %t, 1; mul.wide.u32 %p, %x, 4; add.s64 %p, %p, %a; st.global.v2.u16 [%p], {%h, %h}; st.global.u32 [%p], %t;", FindingKind.WarpRace)]
    public void LanesOfOneStore_ThatWriteDifferentValues_AreARace(string store, FindingKind kind)
    {
        using var run = Open("mov.b16 %h, 3;\n" + store);
        run.Launch("k", 1, 32, 0, run.Upload(new uint[32]), 0L);
        Assert.That(run.Findings.Select(f => f.Kind), Is.EqualTo(new[] { kind }));
        Assert.That(run.Findings[0].OtherAccess, Does.Contain("thread"));
    }

    [TestCase("st.global.u32 [%a], %c;")]
    [TestCase("st.shared.u32 [tile], %c;")]
    public void LanesOfOneStore_ThatWriteTheSame_AreNoRace(string store)
    {
        using var run = Open(store);
        run.Launch("k", 1, 32, 0, run.Upload(new uint[32]), 0L);
        Assert.That(run.Findings, Is.Empty, string.Join("\n", run.Findings));
    }

    /// <summary>Every block adds to a counter after writing its place; the last one reads all places.</summary>
    [TestCase("fence.acq_rel.gpu;", "atom.global.add.u32", true)]
    [TestCase("membar.gl;", "atom.global.add.u32", true)]
    [TestCase("", "atom.acq_rel.gpu.global.add.u32", true)]
    [TestCase("", "atom.global.add.u32", false)]
    [TestCase("fence.acq_rel.cta;", "atom.global.add.u32", false)]
    [TestCase("membar.cta;", "atom.global.add.u32", false)]
    [TestCase("@%never fence.acq_rel.gpu;", "atom.global.add.u32", false)]
    [TestCase("fence.acq_rel.gpu;", "atom.acq_rel.cta.global.add.u32", false)]
    public void FenceAndAtomic_OrderBlocks_WhenTheyRunAndReachThem(string fence, string atomic, bool ordered)
    {
        using var run = Open(
            $"""
            mul.wide.u32 %p, %c, 4; add.s64 %p, %p, %a; st.global.u32 [%p], %c;
            {fence}
            {atomic} %x, [%b], 1;
            mov.u32 %n, %nctaid.x; sub.u32 %n, %n, 1; setp.eq.u32 %first, %x, %n;
            @!%first bra DONE;
            ld.global.u32 %y, [%a];
            ld.global.u32 %y, [%a+4];
            DONE:
            """,
            hostThreads: 1);
        run.Launch("k", 4, 1, 0, run.Upload(new uint[4]), run.Upload(new uint[1]));
        bool found = run.Findings.Any(f => f.Kind == FindingKind.GlobalRace);
        Assert.That(found, Is.EqualTo(!ordered), string.Join("\n", run.Findings));
    }

    private static KernelRun Open(string body, int hostThreads = 2) => new(
        Header + body + "\nret;\n}\n", 80, new() { ThrowOnFinding = false, HostThreads = hostThreads });
}
