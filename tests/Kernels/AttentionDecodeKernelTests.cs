using System;
using System.Collections.Generic;
using System.Linq;
using System.Numerics;
using GptEngine.Kernels.Attention;
using GptEngine.Kernels.Common;
using GptEngine.Kernels.Conformance;
using GptEngine.Kernels.Rotary;
using GptEngine.Runtime.Memory;
using GptEngine.Tests.Common;
using NUnit.Framework;

namespace GptEngine.Tests.Kernels;

/// <summary>Decoding, its cache and rotary positions on the simulated GPU, every check on.</summary>
[RequiresNvrtc]
[TestFixture(70, DataType.Float32)]
[TestFixture(80, DataType.BFloat16)]
[TestFixture(90, DataType.Float16)]
public sealed class AttentionDecodeKernelTests(int architecture, DataType storage) : IDisposable
{
    private const int Capacity = 97;
    private const int MovedRuns = 16;
    private readonly SimulatedBench _bench = new(architecture);
    private readonly Random _random = new(TestSeed.Next());

    [Test]
    public void Decode_AnyPosition_MatchesOracle([Values(7, 8, 64, 96, 128)] int headSize)
    {
        using var launcher = new AttentionDecodeLauncher(_bench.Queue, storage, headSize);
        foreach (int position in new[] { 0, 1, 33, 96 })
        {
            var shape = new AttentionShape(3, 1, 2, headSize);
            int[] starts = [0, position / 2, position];
            double[] qkv = Normal(3 * 3 * shape.Channels);
            double[] keys = Normal(3 * 2 * Capacity * headSize);
            double[] values = Normal(keys.Length);
            (double[] expected, double[] expectedKeys, double[] expectedValues) = Decode<double>(qkv, keys, values, starts, position, shape);
            double bound = Bound(expected, moved => Decode<float>(moved, keys, values, starts, position, shape).Output, qkv);
            Tensor keyCache = _bench.Upload("keyCache", storage, keys, 3, 2, Capacity, headSize);
            Tensor valueCache = _bench.Upload("valueCache", storage, values, 3, 2, Capacity, headSize);
            Tensor output = _bench.Poisoned("output", storage, 3, shape.Channels);

            launcher.Decode(
                _bench.Upload("qkv", storage, qkv, 3, 3 * shape.Channels), keyCache, valueCache, _bench.Upload("documentStart", starts, 3), output, position, shape);

            using IDisposable scope = Assert.EnterMultipleScope();
            Assert.That(Tolerance.LargestError(expected, _bench.Download(output)), Is.LessThanOrEqualTo(bound), $"position {position}");
            Assert.That(_bench.Download(keyCache), Is.EqualTo(expectedKeys));
            Assert.That(_bench.Download(valueCache), Is.EqualTo(expectedValues));
            _bench.Clear();
        }
    }

    [TestCase(1, 7)]
    [TestCase(31, 64)]
    [TestCase(97, 8)]
    public void Cache_PartOfTheCache_LeavesTheRest(int time, int headSize)
    {
        using var launcher = new AttentionDecodeLauncher(_bench.Queue, storage, headSize);
        var shape = new AttentionShape(2, time, 3, headSize);
        double[] qkv = Normal(shape.Rows * 3 * shape.Channels);
        double[] keys = Normal(2 * 3 * Capacity * headSize);
        double[] values = Normal(keys.Length);
        Tensor keyCache = _bench.Upload("keyCache", storage, keys, 2, 3, Capacity, headSize);
        Tensor valueCache = _bench.Upload("valueCache", storage, values, 2, 3, Capacity, headSize);

        launcher.Cache(_bench.Upload("qkv", storage, qkv, shape.Rows, 3 * shape.Channels), keyCache, valueCache, shape);

        AttentionReference.Cache<double>(qkv, keys, values, Capacity, 0, shape);
        Assert.That(_bench.Download(keyCache), Is.EqualTo(keys));
        Assert.That(_bench.Download(valueCache), Is.EqualTo(values));
        _bench.Clear();
    }

    [Test]
    public void Rotate_ForthAndBack_MatchesOracle([Values(8, 64, 80, 96)] int headSize, [Values] bool inverse)
    {
        using var launcher = new RotaryLauncher(_bench.Queue, storage);
        const int FirstPosition = 5;
        var shape = new AttentionShape(2, 31, 3, headSize);
        double[] qkv = Normal(shape.Rows * 3 * shape.Channels);
        long positions = shape.Time + FirstPosition;
        double[] angles = Normal(positions * headSize / 2);
        double[] cosine = Array.ConvertAll(angles, v => (double)MathF.Cos((float)v));
        double[] sine = Array.ConvertAll(angles, v => (double)MathF.Sin((float)v));
        Tensor tensor = _bench.Upload("qkv", storage, qkv, shape.Rows, 3 * shape.Channels);

        launcher.Rotate(
            tensor,
            _bench.Upload("cosine", DataType.Float32, cosine, positions, headSize / 2),
            _bench.Upload("sine", DataType.Float32, sine, positions, headSize / 2),
            shape,
            FirstPosition,
            inverse);

        double[] oracle = Rotate<double>(qkv, cosine, sine, shape, FirstPosition, inverse);
        double bound = Bound(oracle, moved => Rotate<float>(moved, cosine, sine, shape, FirstPosition, inverse), qkv);
        Assert.That(Tolerance.LargestError(oracle, _bench.Download(tensor)), Is.LessThanOrEqualTo(bound));
        _bench.Clear();
    }

    public void Dispose() => _bench.Dispose();

    /// <summary>
    /// The rule of <see cref="Tolerance"/> with the plain reference in float: in 16 bits, where both compute in float and round once, that is
    /// one unit in the last place.
    /// </summary>
    private double Bound(double[] oracle, Func<double[], double[]> plain, double[] input)
    {
        IEnumerable<double[]> runs = Enumerable.Range(0, MovedRuns).Select(run => plain(run == 0
            ? input
            : Array.ConvertAll(input, v => v + (_random.Next(-1, 2) * Tolerance.UnitInTheLastPlace(Math.Abs(v), DataType.Float32)))));
        return Tolerance.Bound(oracle, runs, storage);
    }

    private static T[] To<T>(double[] values)
        where T : INumberBase<T> => Array.ConvertAll(values, T.CreateChecked);

    private static double[] From<T>(T[] values)
        where T : INumberBase<T> => Array.ConvertAll(values, double.CreateChecked);

    private static double[] Rotate<T>(double[] qkv, double[] cosine, double[] sine, in AttentionShape shape, int firstPosition, bool inverse)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        T[] values = To<T>(qkv);
        RotaryReference.Apply<T>(values, To<T>(cosine), To<T>(sine), shape, firstPosition, inverse);
        return From(values);
    }

    private static (double[] Output, double[] Keys, double[] Values) Decode<T>(
        double[] qkv, double[] keys, double[] values, int[] starts, int position, in AttentionShape shape)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        T[] input = To<T>(qkv), keyCache = To<T>(keys), valueCache = To<T>(values), output = new T[shape.Batch * shape.Channels];
        AttentionReference.Cache<T>(input, keyCache, valueCache, Capacity, position, shape);
        AttentionReference.Decode<T>(input, keyCache, valueCache, starts, output, Capacity, position, shape);
        return (From(output), From(keyCache), From(valueCache));
    }

    private double[] Normal(long count)
    {
        double[] values = new double[count];
        for (long i = 0; i < count; i++)
        {
            values[i] = Tolerance.Round(Math.Sqrt(3) * (_random.NextDouble() + _random.NextDouble() + _random.NextDouble() + _random.NextDouble() - 2), storage);
        }

        return values;
    }
}
