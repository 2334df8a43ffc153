using System;
using System.Collections.Immutable;
using System.Linq;
using System.Numerics;
using System.Text;
using GptEngine.Runtime.Compile;
using GptEngine.Runtime.Cuda;
using NUnit.Framework;

namespace GptEngine.Tests.Simulator;

/// <summary>CUDA programs compiled by this machine's NVRTC for each architecture, against the same computed here.</summary>
[RequiresNvrtc]
[TestFixture(70)]
[TestFixture(80)]
[TestFixture(90)]
public sealed class CompiledProgramTests(int architecture)
{
    private const int Count = 1000;
    private string _ptx = "";

    [OneTimeSetUp]
    public void Compile()
    {
        var request = new CompileRequest(
            new SourceFile("mixed.cu", Golden.Read("mixed.cu")),
            ImmutableArray<SourceFile>.Empty,
            ImmutableArray<string>.Empty,
            ComputeCapability.FromNumber(architecture),
            ImageFormat.Ptx);
        _ptx = Encoding.UTF8.GetString(new NvrtcCompiler().Compile(request).Bytes.Span);
    }

    [Test]
    public void MathLibrary_IsAsAccurateAsItShouldBe()
    {
        using var run = new KernelRun(_ptx, architecture);
        float[] x = [.. Enumerable.Range(0, Count).Select(i => (i - 500) * 0.0371f)];
        DevicePointer z = run.Driver.Allocate(8 * Count, "z");
        DevicePointer w = run.Driver.Allocate(8 * Count, "w");
        run.Launch("mathy", 4, 256, 0, Count, run.Upload(x), run.Driver.Allocate(4 * Count, "y"), z, w);
        Assert.That(run.Findings, Is.Empty, string.Join("\n", run.Findings));
        double[] doubles = run.Download<double>(z, Count);
        long[] longs = run.Download<long>(w, Count);
        for (int i = 0; i < Count; i++)
        {
            double v = x[i];
            double expected = Math.Exp(v) + Math.Log(Math.Abs(v) + 1) + Math.Sqrt(Math.Abs(v)) + Math.Sin(v) + (v / 3) + Math.Pow(Math.Abs(v), 0.3);
            Assert.That(doubles[i], Is.EqualTo(expected).Within(1e-14 * Math.Max(1, Math.Abs(expected))));
            Assert.That(longs[i], Is.EqualTo(Integers((long)(x[i] * 1e9f) + i, i)), $"thread {i}");
        }
    }

    [Test]
    public void Halves_ConvertBothWays()
    {
        using var run = new KernelRun(_ptx, architecture);
        ushort[] all = [.. Enumerable.Range(0, 65536).Select(i => (ushort)i)];
        DevicePointer y = run.Driver.Allocate(131072, "y");
        run.Launch("halfy", 256, 256, 0, 65536, run.Upload(all), y, run.Driver.Allocate(131072, "b"));
        ushort[] result = run.Download<ushort>(y, 65536);
        Assert.That(run.Findings, Is.Empty);
        Assert.That(all.Where(i => !SameHalf(result[i], (Half)((float)BitConverter.UInt16BitsToHalf(i) * 1.5f))), Is.Empty);
    }

    [Test]
    public void WarpFunctions_SeeTheRightLanes()
    {
        using var run = new KernelRun(_ptx, architecture);
        DevicePointer y = run.Driver.Allocate(512, "y");
        run.Launch("warpy", 1, 128, 0, y);
        Assert.That(run.Findings, Is.Empty, string.Join("\n", run.Findings));
        Assert.That(run.Download<uint>(y, 128), Is.EqualTo(Enumerable.Range(0, 128).Select(t => WarpSum((uint)t))));
    }

    [Test]
    public void Atomics_OfTwoSpaces_AddUp()
    {
        using var run = new KernelRun(_ptx, architecture);
        int[] data = [.. Enumerable.Range(0, 5000).Select(i => i * 7 % 13)];
        DevicePointer counts = run.Upload(new int[24]);
        DevicePointer sum = run.Upload(new float[1]);
        run.Launch("histogram", 7, 128, 0, run.Upload(data), data.Length, counts, sum);
        int[] result = run.Download<int>(counts, 24);
        Assert.That(run.Findings, Is.Empty, string.Join("\n", run.Findings));
        Assert.That(result.Take(16), Is.EqualTo(Enumerable.Range(0, 16).Select(b => data.Count(d => d == b))));
        Assert.That(result.Skip(16), Is.EqualTo(new[] { 6, 5, 127, 0, 7, 0, 0, 0 }));
        Assert.That(run.Download<float>(sum, 1)[0], Is.EqualTo(7));
    }

    [Test]
    public unsafe void Structures_PassByValue()
    {
        using var run = new KernelRun(_ptx, architecture);
        float[] p = [.. Enumerable.Range(0, 128).Select(i => i * 0.5f)];
        byte* structure = stackalloc byte[32];
        for (int i = 0; i < 5; i++)
        {
            ((float*)structure)[i] = 10 * i;
        }

        ((int*)structure)[5] = 3;
        ((ulong*)structure)[3] = run.Upload(p).Address;
        DevicePointer y = run.Driver.Allocate(512, "y");
        run.Launch("structy", 1, 128, 0, KernelArgument.Structure(((ulong, ulong, ulong, ulong)*)structure), y);
        Assert.That(run.Download<float>(y, 128), Is.EqualTo(p.Select((v, t) => (t % 5 * 10) + v + 3)));
    }

    [Test]
    public void Switches_TakeTheirBranches()
    {
        using var run = new KernelRun(_ptx, architecture);
        DevicePointer y = run.Driver.Allocate(512, "y");
        run.Launch("switchy", 1, 128, 0, y);
        Assert.That(run.Findings, Is.Empty, string.Join("\n", run.Findings));
        Assert.That(run.Download<int>(y, 128), Is.EqualTo(Enumerable.Range(0, 128).Select(t => Switch(t, 4) + Switch(2 * t, 5))));
    }

    private static int Switch(int x, int n) =>
        (x % 9) switch { 0 => x * 2, 1 => x + 7, 2 => x ^ 3, 3 => x - 9, 4 => x / 3, 5 => n, 6 => x * x, 7 => -x, _ => 1 };

    private static bool SameHalf(ushort bits, Half expected) => Half.IsNaN(expected) ? bits == 0x7FFF : bits == BitConverter.HalfToUInt16Bits(expected);

    private static long Integers(long q, int i)
    {
        byte[] bytes = [.. BitConverter.GetBytes((uint)q), .. BitConverter.GetBytes(0x1234u)];
        uint permuted = BitConverter.ToUInt32([bytes[0], bytes[4], bytes[1], bytes[5]]);
        int firstSet = q == 0 ? 0 : BitOperations.TrailingZeroCount(q) + 1;
        return (q / (i + 3)) + (q % (i + 7)) + BitOperations.PopCount((ulong)q) + BitOperations.LeadingZeroCount((ulong)q) + firstSet
            + (q >> (i & 63)) + (long)((ulong)(uint)q * 0x12345678u >> 32) + permuted;
    }

    /// <summary>The sum of all that the kernel warpy asks of its warp and block, for thread t of 128.</summary>
    private uint WarpSum(uint t)
    {
        uint lane = t % 32;
        uint[] warp = [.. Enumerable.Range((int)(t - lane), 32).Select(i => (uint)i)];
        uint Mask(Func<uint, bool> holds) => warp.Where(holds).Aggregate(0u, (m, k) => m | (1u << (int)(k % 32)));
        uint votes = Mask(k => k % 3 == 0) + (warp.Contains(77u) ? 1u : 0) + 1;
        uint redux = architecture >= 80 ? (uint)warp.Sum(k => k) + warp.Max(k => k ^ 5) : 0;
        uint matches = unchecked(Mask(k => k / 5 == t / 5) + uint.MaxValue + 1);
        uint shuffles = (warp[5] * 3) + (lane >= 3 ? t - 3 : t) + (lane % 8 < 6 ? t + 2 : t) + (t - (t % 8)) + 3;
        return unchecked(votes + redux + matches + shuffles + 64 + 1 + 1 + uint.MaxValue);
    }
}
