using System;
using System.Collections.Generic;
using System.Collections.Immutable;
using System.Linq;
using GptEngine.Runtime.Compile;
using GptEngine.Runtime.Cuda;
using GptEngine.Runtime.Simulator.Counters;
using GptEngine.Runtime.Simulator.Driver;
using NUnit.Framework;

namespace GptEngine.Tests.Simulator;

/// <summary>
/// wgmma from CUDA source, on random operands against sums in double: every N, both 16-bit types and tf32, A in registers and in shared
/// memory, both majors, all swizzles. Where fragments and matrices lie is written here from the PTX ISA (9.0, 9.7.15.5.1), apart from how
/// the simulator computes it.
/// </summary>
[RequiresNvrtc]
public sealed class WarpgroupTests
{
    private static readonly ImmutableArray<WarpgroupCase> Cases = [.. MakeCases().Distinct()];

    private static IEnumerable<string> Names => Cases.Select(one => one.Name);

    private KernelRun _run = null!;

    [OneTimeSetUp]
    public void Compile()
    {
        var source = new SourceFile("products.cu", string.Concat(Cases.Select(one => one.Source())));
        var request = new CompileRequest(source, [], [], new(9, 0), ImageFormat.Ptx) { IsArchitectureSpecific = true };
        string ptx = new CompileCache(new NvrtcCompiler(), CompileCache.DefaultFolder).GetOrCompile(request).Image.Ptx;
        _run = new KernelRun(ptx, 90, new SimulatorOptions { ThrowOnFinding = false, HostThreads = 1 });
    }

    [OneTimeTearDown]
    public void Close() => _run.Dispose();

    [TestCaseSource(nameof(Names))]
    public void Product_IsTheSumsInDouble(string name)
    {
        WarpgroupCase one = Cases.First(c => c.Name == name);
        var random = new Random(one.Name.Length + one.N);
        foreach ((CanonicalLayout left, CanonicalLayout right) in Layouts(one, random))
        {
            Check(one, left, right, random);
        }
    }

    [Test]
    public void Wavefronts_OfSwizzledAndOfPlainRows()
    {
        WarpgroupCase one = Cases.First(c => c is { Type: "bf16", N: 64, LeftShared: true, LeftDown: false, RightDown: false });
        var swizzled = new CanonicalLayout(8, false, 2, 0, 16, 1024);
        var plain = new CanonicalLayout(1, false, 2, 0, 128, 256);
        foreach (CanonicalLayout layout in new[] { swizzled, plain })
        {
            CanonicalLayout right = layout with { Start = 32768 };
            Check(one, layout, right, new Random(1));
            LaunchCounters counters = _run.Driver.LastLaunch!.Counters;
            int stored = (right.End(64, 16) + 127) / 128;
            Assert.That(counters.SharedWavefronts - stored, Is.EqualTo((64 + 64) * 32 / 128), "A's rows and B's columns once each, 128 bytes a pass");
            Assert.That((counters.TensorOperations, counters.WarpgroupOperations), Is.EqualTo((2 * 64 * 64 * 16, 2 * 64 * 64 * 16)));
        }
    }

    private static IEnumerable<WarpgroupCase> MakeCases()
    {
        for (int n = 8; n <= 256; n += 8)
        {
            // Majors and signs change with N; 64 and 96 have all of them.
            int form = n / 8;
            yield return new WarpgroupCase(form % 2 == 0 ? "f16" : "bf16", n, true, form % 3 == 0, form % 4 < 2, form % 4);
            yield return new WarpgroupCase(form % 2 == 0 ? "bf16" : "f16", n, false, false, form % 3 == 1, form / 2 % 4);
        }

        foreach (bool leftDown in new[] { false, true })
        {
            foreach (bool rightDown in new[] { false, true })
            {
                yield return new WarpgroupCase("bf16", 64, true, leftDown, rightDown);
                yield return new WarpgroupCase("f16", 96, true, leftDown, rightDown);
            }
        }

        yield return new WarpgroupCase("tf32", 40, true, false, false);
        yield return new WarpgroupCase("tf32", 128, false, false, false, 2);
    }

    /// <summary>Each swizzle of A with each of B, the matrices at places of their own and strides wider than they need to be.</summary>
    private static IEnumerable<(CanonicalLayout Left, CanonicalLayout Right)> Layouts(WarpgroupCase one, Random random)
    {
        int[] leftWidths = one.LeftShared ? WarpgroupCase.Widths : [8];
        foreach (int leftWidth in leftWidths)
        {
            foreach (int rightWidth in one.N > 64 ? WarpgroupCase.Widths.Where(width => width >= leftWidth || !one.LeftShared) : WarpgroupCase.Widths)
            {
                CanonicalLayout left = Draw(leftWidth, one.LeftDown, one.Bytes, 64, 0, random);
                yield return (left, Draw(rightWidth, one.RightDown, one.Bytes, one.N, (left.End(64, one.Depth) + 1023) / 1024 * 1024, random));
            }
        }
    }

    private static CanonicalLayout Draw(int width, bool down, int bytes, int rows, int from, Random random)
    {
        int pattern = width * 128;
        int chunksOfRows = rows * bytes / 16;
        if (width == 1)
        {
            // Core matrices of 128 bytes, one direction packed and the other behind it with a gap.
            int inner = 128 + (16 * random.Next(3));
            int outer = inner * (down ? chunksOfRows : rows / 8);
            (int leading, int stride) = random.Next(2) == 0 ? (outer + 16, inner) : (inner, (2 * inner) + 16);
            return new CanonicalLayout(1, down, bytes, from + (16 * random.Next(4)), leading, stride);
        }

        // A step along K inside the swizzle's row; MN-major always starts at a pattern.
        int inside = down ? 0 : 32 * random.Next(width / 2);
        int gap = pattern * random.Next(2);
        int start = from + (pattern * random.Next(3)) + inside;
        return down
            ? new CanonicalLayout(width, true, bytes, start, pattern + gap, (pattern + gap) * ((chunksOfRows + width - 1) / width), 0)
            : new CanonicalLayout(width, false, bytes, start, 16, pattern + gap);
    }

    private void Check(WarpgroupCase one, CanonicalLayout left, CanonicalLayout right, Random random)
    {
        double[,] a = Draw(64, one, random);
        double[,] b = Draw(one.N, one, random);
        int bytes = Math.Max(left.End(64, one.Depth), right.End(one.N, one.Depth));
        byte[] image = new byte[(bytes + 15) / 16 * 16];
        random.NextBytes(image);
        if (one.LeftShared)
        {
            Place(image, a, left, one);
        }

        Place(image, b, right, one);
        int adds = random.Next(2);
        float[] before = [.. Enumerable.Range(0, 64 * one.N).Select(_ => (random.NextSingle() - 0.5f) * 4)];
        DevicePointer after = _run.Driver.Allocate(before.Length * 4, "after");
        _run.Function(one.Name).MaximumDynamicSharedBytes = image.Length;
        _run.Launch(
            one.Name, 1, 128, image.Length, _run.Upload(image), image.Length / 16, _run.Upload(Fragments(a, one)), left.Descriptor, right.Descriptor,
            _run.Upload(before), after, adds);
        Assert.That(_run.Findings, Is.Empty, string.Join("\n", _run.Findings));
        float[] result = _run.Download<float>(after, before.Length);
        double sign = (one.Signs is 1 or 2 ? -1 : 1);
        for (int i = 0; i < before.Length; i++)
        {
            int thread = i / (one.N / 2);
            int element = i % (one.N / 2);
            int row = (thread / 32 * 16) + (thread % 32 / 4) + (8 * (element / 2 % 2));
            int column = (element / 4 * 8) + (thread % 4 * 2) + (element % 2);
            double sum = adds * (double)before[i];
            for (int k = 0; k < one.Depth; k++)
            {
                sum += sign * a[row, k] * b[column, k];
            }

            Assert.That(result[i], Is.EqualTo((float)sum).Within(1).Ulps, $"row {row}, column {column} of {one} with {left} and {right}");
        }
    }

    /// <summary>Values that the type has, of both signs.</summary>
    private static double[,] Draw(int rows, WarpgroupCase one, Random random)
    {
        var values = new double[rows, one.Depth];
        for (int i = 0; i < rows; i++)
        {
            for (int k = 0; k < one.Depth; k++)
            {
                float value = (random.NextSingle() - 0.5f) * MathF.Pow(2, random.Next(-6, 6));
                values[i, k] = one.Type == "f16" ? (double)(Half)value : BitConverter.UInt32BitsToSingle(BitConverter.SingleToUInt32Bits(value) & (one.Bytes == 2 ? 0xFFFF_0000u : 0xFFFF_E000u));
            }
        }

        return values;
    }

    private static uint Bits(double value, WarpgroupCase one) => one.Type switch
    {
        "f16" => BitConverter.HalfToUInt16Bits((Half)value),
        "bf16" => BitConverter.SingleToUInt32Bits((float)value) >> 16,
        _ => BitConverter.SingleToUInt32Bits((float)value),
    };

    private static void Place(byte[] image, double[,] values, CanonicalLayout layout, WarpgroupCase one)
    {
        for (int i = 0; i < values.GetLength(0); i++)
        {
            for (int k = 0; k < one.Depth; k++)
            {
                BitConverter.GetBytes(Bits(values[i, k], one)).AsSpan(0, one.Bytes).CopyTo(image.AsSpan(layout.At(i, k)));
            }
        }
    }

    /// <summary>
    /// A as lanes hold it: 16-bit element i of a lane is at row l / 4 (+ 8 for i mod 4 ≥ 2), column 2·(l mod 4) + i mod 2 (+ 8 for i ≥ 4);
    /// of tf32 at row l / 4 (+ 8 for odd i), column l mod 4 (+ 4 for i ≥ 2).
    /// </summary>
    private static uint[] Fragments(double[,] a, WarpgroupCase one)
    {
        var registers = new uint[128 * 4];
        for (int thread = 0; thread < 128; thread++)
        {
            int top = (thread / 32 * 16) + (thread % 32 / 4);
            for (int r = 0; r < 4; r++)
            {
                int row = top + (8 * (r % 2));
                registers[(thread * 4) + r] = one.Bytes == 4
                    ? Bits(a[row, (thread % 4) + (4 * (r / 2))], one)
                    : Bits(a[row, (thread % 4 * 2) + (8 * (r / 2))], one) | (Bits(a[row, (thread % 4 * 2) + 1 + (8 * (r / 2))], one) << 16);
            }
        }

        return registers;
    }
}
