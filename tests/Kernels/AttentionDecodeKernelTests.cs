using System;
using System.Linq;
using GptEngine.Kernels.Attention;
using GptEngine.Kernels.Common;
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
            (double[] expected, double[] expectedKeys, double[] expectedValues) = Decode(qkv, keys, values, starts, position, shape);
            Tensor keyCache = _bench.Upload("keyCache", storage, keys, 3, 2, Capacity, headSize);
            Tensor valueCache = _bench.Upload("valueCache", storage, values, 3, 2, Capacity, headSize);
            Tensor output = _bench.Poisoned("output", storage, 3, shape.Channels);

            launcher.Decode(
                _bench.Upload("qkv", storage, qkv, 3, 3 * shape.Channels), keyCache, valueCache, _bench.Upload("documentStart", starts, 3), output, position, shape);

            using IDisposable scope = Assert.EnterMultipleScope();
            Assert.That(Tolerance.LargestError(expected, _bench.Download(output)), Is.LessThanOrEqualTo(Bound(expected)), $"position {position}");
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

        RotaryReference.Apply<double>(qkv, cosine, sine, shape, FirstPosition, inverse);
        Assert.That(Tolerance.LargestError(qkv, _bench.Download(tensor)), Is.LessThanOrEqualTo(Bound(qkv)));
        _bench.Clear();
    }

    public void Dispose() => _bench.Dispose();

    /// <summary>Computed in float and rounded once: a unit in the last place of the largest; in fp32 what the sums' own order may change.</summary>
    private double Bound(double[] expected) =>
        (storage == DataType.Float32 ? 8 : 1) * Tolerance.UnitInTheLastPlace(expected.Max(Math.Abs), storage);

    private (double[] Output, double[] Keys, double[] Values) Decode(
        double[] qkv, double[] keys, double[] values, int[] starts, int position, in AttentionShape shape)
    {
        (double[] keyCache, double[] valueCache) = ([.. keys], [.. values]);
        double[] output = new double[shape.Batch * shape.Channels];
        AttentionReference.Cache<double>(qkv, keyCache, valueCache, Capacity, position, shape);
        AttentionReference.Decode<double>(qkv, keyCache, valueCache, starts, output, Capacity, position, shape);
        return (output, keyCache, valueCache);
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
