using System;
using System.Collections.Generic;
using System.Linq;
using GptEngine.Kernels.Cast;
using GptEngine.Runtime.Memory;
using NUnit.Framework;

namespace GptEngine.Tests.Kernels;

/// <summary>
/// Conversions are exact, where other kernels' tests allow an ulp: to nearest, to even half-way between, infinite beyond the range, NaN for NaN.
/// bf16 is made of integers before sm_80.
/// </summary>
[RequiresNvrtc]
[TestFixture(70, DataType.Float16)]
[TestFixture(70, DataType.BFloat16)]
[TestFixture(80, DataType.Float16)]
[TestFixture(80, DataType.BFloat16)]
public sealed class RoundingKernelTests(int architecture, DataType storage) : IDisposable
{
    // A prime, so that patterns of every exponent and ending come up.
    private const int Stride = 37;

    private readonly SimulatedBench _bench = new(architecture);

    private int FirstInfinite => storage == DataType.Float16 ? 0x7C00 : 0x7F80;

    [Test]
    public void Cast_AroundHalfWay_RoundsToNearestEven()
    {
        var values = new List<float>();
        var expected = new List<double>();
        for (int pattern = 0; pattern < FirstInfinite; pattern = pattern < FirstInfinite - Stride ? pattern + Stride : pattern + 1)
        {
            // Beyond the largest number lies the one that would follow it, and rounds to infinity.
            float low = ValueOf(pattern);
            float high = ValueOf(pattern + 1);
            double next = float.IsFinite(high) ? high : low + (double)(low - ValueOf(pattern - 1));
            float half = (float)((low + next) / 2);
            foreach (float sign in (float[])[1, -1])
            {
                values.AddRange([sign * MathF.BitDecrement(half), sign * half, sign * MathF.BitIncrement(half), sign * low]);
                expected.AddRange([sign * low, sign * (pattern % 2 == 0 ? low : high), sign * high, sign * low]);
            }
        }

        Assert.That(Cast([.. values], DataType.Float32, storage), Is.EqualTo(expected));
    }

    [Test]
    public void Cast_NoNumbers_StayWhatTheyAre()
    {
        float[] values = [float.NaN, -float.NaN, BitConverter.UInt32BitsToSingle(0x7FFFFFFF), float.PositiveInfinity, float.NegativeInfinity, float.MaxValue, float.MinValue];
        double[] expected =
            [double.NaN, double.NaN, double.NaN, double.PositiveInfinity, double.NegativeInfinity, double.PositiveInfinity, double.NegativeInfinity];
        Assert.That(Cast(values, DataType.Float32, storage), Is.EqualTo(expected));
    }

    [Test]
    public void Cast_ToFloat_IsExact()
    {
        float[] values = [.. Enumerable.Range(0, FirstInfinite + 1).Where(pattern => pattern % Stride < 2).Select(ValueOf)];
        Assert.That(Cast(values, storage, DataType.Float32), Is.EqualTo(values.Select(value => (double)value)));
    }

    public void Dispose() => _bench.Dispose();

    private float ValueOf(int pattern) => storage == DataType.Float16
        ? (float)BitConverter.UInt16BitsToHalf((ushort)pattern)
        : BitConverter.UInt32BitsToSingle((uint)pattern << 16);

    private double[] Cast(float[] values, DataType from, DataType to)
    {
        Tensor result = _bench.Poisoned("result", to, values.Length);
        new CastLauncher(_bench.Queue).Launch(_bench.Upload("values", from, Array.ConvertAll(values, value => (double)value), values.Length), result);
        double[] downloaded = _bench.Download(result);
        _bench.Clear();
        return downloaded;
    }
}
