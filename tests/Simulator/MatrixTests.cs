using System;
using System.Linq;
using System.Text;
using GptEngine.Runtime.Cuda;
using NUnit.Framework;

namespace GptEngine.Tests.Simulator;

/// <summary>
/// Fragment layouts by matrices whose product is known. The places below are the PTX ISA's own formulas (groupID = lane / 4,
/// threadID_in_group = lane mod 4), typed from its tables; values are small integers, so that every sum is exact.
/// </summary>
public sealed class MatrixTests
{
    private delegate (int Row, int Column) Place(int lane, int i);

    [TestCase("m16n8k16", "f16", 8, "f32")]
    [TestCase("m16n8k16", "f16", 8, "f16")]
    [TestCase("m16n8k16", "bf16", 8, "f32")]
    [TestCase("m16n8k8", "f16", 8, "f32")]
    [TestCase("m16n8k8", "f16", 8, "f16")]
    [TestCase("m16n8k8", "bf16", 8, "f32")]
    public void Mma16_OnKnownMatrices_GivesTheirProduct(string shape, string type, int columns, string accumulator)
    {
        int depth = int.Parse(shape[5..].TrimStart('k'));
        Place a = (l, i) => (depth == 16 ? l / 4 + (i % 4 < 2 ? 0 : 8) : l / 4 + (i < 2 ? 0 : 8), (l % 4 * 2) + (i & 1) + (i >= 4 ? 8 : 0));
        Place b = (l, i) => ((l % 4 * 2) + (i & 1) + (i >= 2 ? 8 : 0), l / 4);
        Place c = (l, i) => (l / 4 + (i < 2 ? 0 : 8), (l % 4 * 2) + (i & 1));
        Check($"{shape}.row.col.{accumulator}.{type}.{type}.{accumulator}", type, accumulator, (16, columns, depth), 1, a, b, c, _ => 0);
    }

    [TestCase("m16n8k4")]
    [TestCase("m16n8k8")]
    public void MmaTensorFloat32_OnKnownMatrices_GivesTheirProduct(string shape)
    {
        int depth = int.Parse(shape[6..]);
        Place a = (l, i) => (l / 4 + (i % 2 == 0 ? 0 : 8), (l % 4) + (i >= 2 ? 4 : 0));
        Place b = (l, i) => ((l % 4) + (4 * i), l / 4);
        Place c = (l, i) => (l / 4 + (i < 2 ? 0 : 8), (l % 4 * 2) + (i & 1));
        Check($"{shape}.row.col.f32.tf32.tf32.f32", "tf32", "f32", (16, 8, depth), 1, a, b, c, _ => 0);
    }

    [Test]
    public void MmaVolta_OnKnownMatrices_GivesFourProducts(
        [Values("row", "col")] string layoutA, [Values("row", "col")] string layoutB, [Values("f16", "f32")] string accumulator)
    {
        Place a = layoutA == "row"
            ? (l, i) => ((l % 4) + (l < 16 ? 0 : 4), i)
            : (l, i) => ((i % 4) + (l < 16 ? 0 : 4), l % 4);
        Place b = layoutB == "row"
            ? (l, i) => (l % 4, i + (l < 16 ? 0 : 4))
            : (l, i) => (i, (l % 4) + (l < 16 ? 0 : 4));
        Place c = accumulator == "f16"
            ? (l, i) => ((l % 4) + (l < 16 ? 0 : 4), i)
            : (l, i) => ((l & 1) + (i & 2) + (l < 16 ? 0 : 4), (i & 4) + (l & 2) + (i & 1));
        Check($"m8n8k4.{layoutA}.{layoutB}.{accumulator}.f16.f16.{accumulator}", "f16", accumulator, (8, 8, 4), 4, a, b, c, l => l / 4 % 4);
    }

    [TestCase(1, false)]
    [TestCase(2, false)]
    [TestCase(4, false)]
    [TestCase(1, true)]
    [TestCase(2, true)]
    [TestCase(4, true)]
    public void MatrixLoad_PutsEachElementWhereTheTableSays(int count, bool transposed)
    {
        string registers = string.Join(", ", Enumerable.Range(0, count).Select(i => $"%d{i}"));
        var body = new StringBuilder();
        body.Append("mov.u32 %t0, %tid.x; mul.wide.u32 %rd4, %t0, 16; add.s64 %rd5, %rd2, %rd4; ld.global.v4.b32 {%d0, %d1, %d2, %d3}, [%rd5];\n");
        body.Append("mov.u32 %t1, tile; mad.lo.u32 %t2, %t0, 16, %t1; st.shared.v4.b32 [%t2], {%d0, %d1, %d2, %d3}; bar.warp.sync -1;\n");
        body.Append($"ldmatrix.sync.aligned.m8n8.x{count}{(transposed ? ".trans" : "")}.shared.b16 {{{registers}}}, [%t2];\n");
        for (int i = 0; i < count; i++)
        {
            body.Append($"mad.lo.u32 %t3, %t0, {count}, {i}; mul.wide.u32 %rd4, %t3, 4; add.s64 %rd5, %rd3, %rd4; st.global.b32 [%rd5], %d{i};\n");
        }

        using var run = new KernelRun(Header(".shared .align 16 .b8 tile[512];") + ".reg .b32 %d<4>;\n" + body + "ret;\n}\n");
        ushort[] values = [.. Enumerable.Range(0, 256).Select(i => (ushort)(i * 7))];
        DevicePointer output = run.Driver.Allocate(32 * count * 4, "out");
        run.Launch("k", 1, 32, 0, 0L, run.Upload(values), output);
        Assert.That(run.Findings, Is.Empty, string.Join("\n", run.Findings));
        ushort[] result = run.Download<ushort>(output, 64 * count);
        for (int lane = 0; lane < 32; lane++)
        {
            for (int i = 0; i < 2 * count; i++)
            {
                int major = lane / 4;
                int minor = (2 * (lane % 4)) + (i & 1);
                int element = (64 * (i / 2)) + (transposed ? (8 * minor) + major : (8 * major) + minor);
                Assert.That(result[(lane * 2 * count) + i], Is.EqualTo(values[element]), $"lane {lane}, element {i}");
            }
        }
    }

    private static string Header(string variables) =>
        ".version 7.8\n.target sm_90\n.address_size 64\n.visible .entry k(.param .u64 pa, .param .u64 pb, .param .u64 pc)\n{\n"
        + variables + "\n.reg .b32 %t<8>; .reg .b64 %rd<8>;\nld.param.u64 %rd1, [pa]; ld.param.u64 %rd2, [pb]; ld.param.u64 %rd3, [pc];\n";

    private static void Check(
        string instruction, string type, string accumulator, (int M, int N, int K) size, int products, Place placeA, Place placeB, Place placeC, Func<int, int> productOf)
    {
        int perLaneA = products * size.M * size.K / 32;
        int perLaneB = products * size.K * size.N / 32;
        int perLaneC = products * size.M * size.N / 32;
        var random = new Random(5);
        double[] a = Fill(random, products * size.M * size.K);
        double[] b = Fill(random, products * size.K * size.N);
        double[] c = Fill(random, products * size.M * size.N);
        uint[] fragments =
        [
            .. Pack(perLaneA, type, (l, i) => a[(productOf(l) * size.M * size.K) + (placeA(l, i).Row * size.K) + placeA(l, i).Column]),
            .. Pack(perLaneB, type, (l, i) => b[(productOf(l) * size.K * size.N) + (placeB(l, i).Row * size.N) + placeB(l, i).Column]),
            .. Pack(perLaneC, accumulator, (l, i) => c[(productOf(l) * size.M * size.N) + (placeC(l, i).Row * size.N) + placeC(l, i).Column]),
        ];
        (int ra, int rb, int rc) = (Registers(perLaneA, type), Registers(perLaneB, type), Registers(perLaneC, accumulator));
        var body = new StringBuilder(Header("")).Append($".reg .b32 %x<{ra + rb + rc}>, %d<{rc}>;\nmov.u32 %t0, %tid.x; mul.wide.u32 %rd4, %t0, 4; add.s64 %rd5, %rd1, %rd4; add.s64 %rd6, %rd3, %rd4;\n");
        for (int r = 0; r < ra + rb + rc; r++)
        {
            body.Append($"ld.global.b32 %x{r}, [%rd5+{128 * r}];\n");
        }

        string Vector(string name, int start, int count) => "{" + string.Join(", ", Enumerable.Range(start, count).Select(i => $"%{name}{i}")) + "}";
        body.Append($"mma.sync.aligned.{instruction} {Vector("d", 0, rc)}, {Vector("x", 0, ra)}, {Vector("x", ra, rb)}, {Vector("x", ra + rb, rc)};\n");
        for (int r = 0; r < rc; r++)
        {
            body.Append($"st.global.b32 [%rd6+{128 * r}], %d{r};\n");
        }

        using var run = new KernelRun(body.Append("ret;\n}\n").ToString());
        DevicePointer output = run.Driver.Allocate(rc * 128, "d");
        long operations = run.Launch("k", 1, 32, 0, run.Upload(fragments), 0L, output).Counters.TensorOperations;
        Assert.That(run.Findings, Is.Empty, string.Join("\n", run.Findings));
        Assert.That(operations, Is.EqualTo(2L * products * size.M * size.N * size.K));
        uint[] result = run.Download<uint>(output, rc * 32);
        for (int lane = 0; lane < 32; lane++)
        {
            for (int i = 0; i < perLaneC; i++)
            {
                (int row, int column) = placeC(lane, i);
                int p = productOf(lane);
                double expected = c[(p * size.M * size.N) + (row * size.N) + column]
                    + Enumerable.Range(0, size.K).Sum(k => a[(p * size.M * size.K) + (row * size.K) + k] * b[(p * size.K * size.N) + (k * size.N) + column]);
                double got = accumulator == "f32"
                    ? BitConverter.UInt32BitsToSingle(result[(32 * i) + lane])
                    : (double)BitConverter.UInt16BitsToHalf((ushort)(result[(32 * (i / 2)) + lane] >> (16 * (i & 1))));
                Assert.That(got, Is.EqualTo(expected), $"lane {lane}, value {i}, row {row}, column {column}");
            }
        }
    }

    private static double[] Fill(Random random, int count) => [.. Enumerable.Range(0, count).Select(_ => (double)random.Next(-8, 9))];

    private static int Registers(int perLane, string type) => type is "f32" or "tf32" ? perLane : perLane / 2;

    /// <summary>Registers one after the other, 32 lanes each.</summary>
    private static uint[] Pack(int perLane, string type, Func<int, int, double> value)
    {
        var packed = new uint[32 * Registers(perLane, type)];
        for (int lane = 0; lane < 32; lane++)
        {
            for (int i = 0; i < perLane; i++)
            {
                float x = (float)value(lane, i);
                uint single = BitConverter.SingleToUInt32Bits(x);
                if (type is "f32" or "tf32")
                {
                    packed[(32 * i) + lane] = single;
                }
                else
                {
                    uint bits = type == "bf16" ? single >> 16 : BitConverter.HalfToUInt16Bits((Half)x);
                    packed[(32 * (i / 2)) + lane] |= bits << (16 * (i & 1));
                }
            }
        }

        return packed;
    }
}
