using System;
using System.Globalization;
using System.Linq;
using System.Text;
using GptEngine.Runtime.Cuda;
using GptEngine.Runtime.Simulator.Checks;
using NUnit.Framework;

namespace GptEngine.Tests.Simulator;

/// <summary>What lanes and threads do together: match, redux, reducing barriers, mbarriers, stmatrix; and the approximate functions' bounds.</summary>
public sealed class CollectiveTests
{
    private const string Header = """
        .version 7.8
        .target sm_90
        .address_size 64
        .visible .entry k(.param .u64 pa)
        {
        .shared .align 16 .b8 tile[512];
        .shared .align 8 .b8 bar[8];
        .reg .b64 %a, %p, %q;
        .reg .b32 %t, %x, %y, %s, %n, %d<4>;
        .reg .pred %done, %first, %c;
        ld.param.u64 %a, [pa];
        mov.u32 %t, %tid.x;
        setp.eq.u32 %first, %t, 0;
        mov.u32 %n, 0;

        """;

    private const string StoreN = "\nmul.wide.u32 %p, %t, 4; add.s64 %p, %p, %a; st.global.u32 [%p], %n;\nret;\n}\n";

    [Test]
    public void MatchAny_UnderAPartialMask_SeesItsMembersAlone()
    {
        uint[] n = Run("and.b32 %y, %t, 1; setp.eq.u32 %c, %y, 0; shr.u32 %x, %t, 3;\n@!%c bra DONE;\nmatch.any.sync.b32 %n, %x, 0x55555555;\nDONE:", 32);
        Assert.That(n, Is.EqualTo(Enumerable.Range(0, 32).Select(l => l % 2 == 0 ? 0x55u << (l / 8 * 8) : 0)));
    }

    [TestCase("mov.u32 %x, 7;", 0x55555555u)]
    [TestCase("mov.u32 %x, %t;", 0u)]
    public void MatchAll_UnderAPartialMask_SeesItsMembersAlone(string value, uint expected)
    {
        uint[] n = Run(
            $"{value} and.b32 %y, %t, 1; setp.eq.u32 %c, %y, 0;\n@!%c bra DONE;\nmatch.all.sync.b32 %n|%done, %x, 0x55555555;\n@!%done add.u32 %n, %n, 0;\nDONE:", 32);
        Assert.That(n, Is.EqualTo(Enumerable.Range(0, 32).Select(l => l % 2 == 0 ? expected : 0)));
    }

    [TestCase("add.u32")]
    [TestCase("add.s32")]
    [TestCase("min.s32")]
    [TestCase("max.s32")]
    [TestCase("min.u32")]
    [TestCase("max.u32")]
    [TestCase("and.b32")]
    [TestCase("or.b32")]
    [TestCase("xor.b32")]
    public void Redux_UnderAPartialMask_TakesItsMembersAlone(string operation)
    {
        // Lanes 4 to 7 of each eight, values on both sides of 0.
        uint[] n = Run($"and.b32 %y, %t, 4; setp.eq.u32 %c, %y, 4; sub.u32 %x, 13, %t;\n@!%c bra DONE;\nredux.sync.{operation} %n, %x, 0xF0F0F0F0;\nDONE:", 32);
        int[] members = [.. Enumerable.Range(0, 32).Where(l => (l & 4) != 0).Select(l => 13 - l)];
        uint expected = operation switch
        {
            "min.s32" => (uint)members.Min(),
            "max.s32" => (uint)members.Max(),
            "min.u32" => members.Min(v => (uint)v),
            "max.u32" => members.Max(v => (uint)v),
            "and.b32" => (uint)members.Aggregate((x, y) => x & y),
            "or.b32" => (uint)members.Aggregate((x, y) => x | y),
            "xor.b32" => (uint)members.Aggregate((x, y) => x ^ y),
            _ => (uint)members.Sum(),
        };
        Assert.That(n, Is.EqualTo(Enumerable.Range(0, 32).Select(l => (l & 4) != 0 ? expected : 0)));
    }

    /// <summary>Two halves of the block at barriers of their own; the predicate holds for every third thread.</summary>
    [TestCase("bar.red.popc.u32 %n, %x, 64, %c;", false)]
    [TestCase("bar.red.popc.u32 %n, %x, 64, !%c;", true)]
    public void ReducingBarrier_ByName_CountsItsOwnThreads(string instruction, bool negated)
    {
        uint[] n = Run($"rem.u32 %y, %t, 3; setp.eq.u32 %c, %y, 0; shr.u32 %x, %t, 6; add.u32 %x, %x, 1;\n{instruction}", 128);
        uint[] expected = [.. Enumerable.Range(0, 2).Select(half => (uint)Enumerable.Range(64 * half, 64).Count(t => (t % 3 == 0) != negated))];
        Assert.That(n, Is.EqualTo(Enumerable.Range(0, 128).Select(t => expected[t / 64])));
    }

    [TestCase("and", "setp.lt.u32 %c, %t, 100;", 1u, 0u)]
    [TestCase("or", "setp.gt.u32 %c, %t, 100;", 0u, 1u)]
    public void ReducingBarrier_AndOr_DecideForTheirOwnThreads(string operation, string predicate, uint lower, uint upper)
    {
        uint[] n = Run($"{predicate} shr.u32 %x, %t, 6; add.u32 %x, %x, 1;\nbar.red.{operation}.pred %done, %x, 64, %c; selp.u32 %n, 1, 0, %done;", 128);
        Assert.That(n, Is.EqualTo(Enumerable.Range(0, 128).Select(t => t < 64 ? lower : upper)));
    }

    [TestCase("mbarrier.arrive.shared.b64 %q, [bar];", "mbarrier.test_wait.shared.b64 %done, [bar], %q;")]
    [TestCase("mbarrier.arrive.shared.b64 _, [bar];", "mbarrier.try_wait.parity.shared.b64 %done, [bar], 0;")]
    [TestCase("mbarrier.arrive.release.cta.shared::cta.b64 _, [bar];", "mbarrier.test_wait.parity.acquire.cta.shared::cta.b64 %done, [bar], 0;")]
    public void MemoryBarrier_OrdersThreads(string arrive, string wait)
    {
        uint[] n = Run(MirroredTile(arrive + $"\nWAIT: {wait}\n@!%done bra WAIT;"), 64);
        Assert.That(n, Is.EqualTo(Enumerable.Range(0, 64).Select(t => (uint)(63 - t))));
    }

    [Test]
    public void MemoryBarrier_NotWaitedFor_OrdersNothing()
    {
        using KernelRun run = Launch(MirroredTile("mbarrier.arrive.shared.b64 %q, [bar];"), 64, out _);
        Assert.That(run.Findings.Select(f => f.Kind), Does.Contain(FindingKind.SharedRace).Or.Contain(FindingKind.Uninitialized));
    }

    [Test]
    public void MemoryBarrier_MoreArrivalsThanItsCount_IsFound()
    {
        using KernelRun run = Launch("@%first mbarrier.init.shared.b64 [bar], 3;\nbar.sync 0;\nmbarrier.arrive.shared.b64 %q, [bar], 2;", 32, out _);
        Assert.That(run.Findings.Select(f => f.Kind), Does.Contain(FindingKind.Deadlock));
    }

    /// <summary>
    /// PTX ISA, stmatrix: row r of matrix m goes where lane 8m + r says; lane l holds elements 2(l mod 4) and the next of row l / 4,
    /// with .trans of column l / 4.
    /// </summary>
    [TestCase(1, false)]
    [TestCase(2, false)]
    [TestCase(4, false)]
    [TestCase(1, true)]
    [TestCase(2, true)]
    [TestCase(4, true)]
    public void MatrixStore_PutsEachElementWhereTheTableSays(int count, bool transposed)
    {
        var body = new StringBuilder("mov.u32 %y, tile; mad.lo.u32 %s, %t, 16, %y; mov.u32 %x, 0; st.shared.v4.u32 [%s], {%x, %x, %x, %x}; bar.warp.sync -1;\n");
        for (int i = 0; i < count; i++)
        {
            // The two halves of a register are 4·(32·i + lane) + 1 and + 2.
            body.Append(CultureInfo.InvariantCulture, $"add.u32 %x, %t, {32 * i}; mul.lo.u32 %x, %x, 4; mad.lo.u32 %d{i}, %x, 0x10001, 0x20001;\n");
        }

        body.Append(CultureInfo.InvariantCulture, $"stmatrix.sync.aligned.m8n8.x{count}{(transposed ? ".trans" : "")}.shared.b16 [%s], {{{string.Join(", ", Enumerable.Range(0, count).Select(i => $"%d{i}"))}}};\n");
        body.Append("bar.warp.sync -1; ld.shared.v4.u32 {%d0, %d1, %d2, %d3}, [%s]; mul.wide.u32 %p, %t, 16; add.s64 %p, %p, %a; st.global.v4.u32 [%p], {%d0, %d1, %d2, %d3};\nret;\n}\n");
        using var run = new KernelRun(Header + body);
        DevicePointer output = run.Driver.Allocate(512, "out");
        run.Launch("k", 1, 32, 0, output);
        Assert.That(run.Findings, Is.Empty, string.Join("\n", run.Findings));
        ushort[] got = run.Download<ushort>(output, 256);
        ushort[] expected = new ushort[256];
        for (int i = 0; i < count; i++)
        {
            for (int lane = 0; lane < 32; lane++)
            {
                for (int part = 0; part < 2; part++)
                {
                    (int row, int column) = (lane / 4, (2 * (lane % 4)) + part);
                    (row, column) = transposed ? (column, row) : (row, column);
                    expected[(64 * i) + (8 * row) + column] = (ushort)((4 * ((32 * i) + lane)) + 1 + part);
                }
            }
        }

        Assert.That(got, Is.EqualTo(expected));
    }

    /// <summary>PTX ISA: absolute 2^-20.5 for sin and cos on [−π, π]; 2^-22 for lg2, absolute on (0.5, 2) and relative elsewhere; relative 2^-11 for tanh.</summary>
    [TestCase("sin", -Math.PI, Math.PI)]
    [TestCase("cos", -Math.PI, Math.PI)]
    [TestCase("lg2", 1e-30, 0.5)]
    [TestCase("lg2", 0.5, 2)]
    [TestCase("lg2", 2, 1e30)]
    [TestCase("tanh", -12, 12)]
    public void Approximation_StaysWithinItsDocumentedError(string function, double low, double high)
    {
        bool geometric = function == "lg2";
        double[] x = [.. Enumerable.Range(0, 1024).Select(i => i / 1023.0).Select(f => geometric ? low * Math.Pow(high / low, f) : low + ((high - low) * f)).Select(v => (double)(float)v)];
        float[] got = Approximate(function, [.. x.Select(v => (float)v)]);
        for (int i = 0; i < x.Length; i++)
        {
            double exact = function switch { "sin" => Math.Sin(x[i]), "cos" => Math.Cos(x[i]), "lg2" => Math.Log2(x[i]), _ => Math.Tanh(x[i]) };
            double bound = function switch
            {
                "lg2" => Math.ScaleB(1, -22) * (x[i] is > 0.5 and < 2 ? 1 : Math.Abs(exact)),
                "tanh" => Math.ScaleB(1, -11) * Math.Abs(exact),
                _ => Math.Pow(2, -20.5),
            };
            Assert.That(Math.Abs(got[i] - exact), Is.LessThanOrEqualTo(bound), $"{function}({x[i]})");
        }
    }

    [TestCase("sin", new[] { 0f, -0f, float.PositiveInfinity, float.NegativeInfinity, float.NaN }, new[] { 0f, -0f, float.NaN, float.NaN, float.NaN })]
    [TestCase("cos", new[] { 0f, -0f, float.PositiveInfinity, float.NegativeInfinity, float.NaN }, new[] { 1f, 1f, float.NaN, float.NaN, float.NaN })]
    [TestCase("lg2", new[] { 0f, -0f, float.PositiveInfinity, -1f, float.NaN, 1f }, new[] { float.NegativeInfinity, float.NegativeInfinity, float.PositiveInfinity, float.NaN, float.NaN, 0f })]
    [TestCase("tanh", new[] { 0f, -0f, float.PositiveInfinity, float.NegativeInfinity, float.NaN }, new[] { 0f, -0f, 1f, -1f, float.NaN })]
    public void Approximation_AtItsEdges_IsWhatTheTableSays(string function, float[] x, float[] expected)
    {
        float[] got = Approximate(function, x);
        for (int i = 0; i < x.Length; i++)
        {
            bool same = float.IsNaN(expected[i]) ? float.IsNaN(got[i]) : BitConverter.SingleToInt32Bits(got[i]) == BitConverter.SingleToInt32Bits(expected[i]);
            Assert.That(same, $"{function}({x[i]}) = {got[i]}, not {expected[i]}");
        }
    }

    private static float[] Approximate(string function, float[] x)
    {
        const string indexed = "mov.u32 %y, %ctaid.x; mov.u32 %s, %ntid.x; mad.lo.u32 %t, %y, %s, %t; mul.wide.u32 %p, %t, 4; add.s64 %p, %p, %a;\n";
        using var run = new KernelRun(Header + indexed + $"ld.global.b32 %x, [%p]; {function}.approx.f32 %x, %x; st.global.b32 [%p], %x;\nret;\n}}\n");
        DevicePointer buffer = run.Upload(x);
        run.Launch("k", x.Length, 1, 0, buffer);
        Assert.That(run.Findings, Is.Empty, string.Join("\n", run.Findings));
        return run.Download<float>(buffer, x.Length);
    }

    /// <summary>Thread t writes its number to place t, does something, and reads place 63 − t.</summary>
    private static string MirroredTile(string between) => $"""
        @%first mbarrier.init.shared.b64 [bar], 64;
        bar.sync 0;
        mov.u32 %y, tile; mad.lo.u32 %s, %t, 4, %y; st.shared.u32 [%s], %t;
        {between}
        sub.u32 %x, 63, %t; mad.lo.u32 %s, %x, 4, %y; ld.shared.u32 %n, [%s];
        """;

    private static uint[] Run(string body, int threads)
    {
        using KernelRun run = Launch(body, threads, out DevicePointer output);
        Assert.That(run.Findings, Is.Empty, string.Join("\n", run.Findings));
        return run.Download<uint>(output, threads);
    }

    private static KernelRun Launch(string body, int threads, out DevicePointer output)
    {
        var run = new KernelRun(Header + body + StoreN);
        output = run.Driver.Allocate(4 * threads, "out");
        run.Launch("k", 1, threads, 0, output);
        return run;
    }
}
