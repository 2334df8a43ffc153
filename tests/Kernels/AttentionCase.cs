using System;
using System.Collections.Generic;
using System.Linq;
using System.Numerics;
using GptEngine.Kernels.Attention;
using GptEngine.Kernels.Common;
using GptEngine.Kernels.Conformance;
using GptEngine.Runtime.Memory;

namespace GptEngine.Tests.Kernels;

/// <summary>Inputs of attention, rounded to a storage type, with what the double oracle makes of them and what the tolerance rule allows.</summary>
internal sealed class AttentionCase
{
    /// <summary>bf16 has three bits of precision less than fp16, and no plain reference: it is allowed eight times what fp16 is.</summary>
    private const double BFloat16OverFloat16 = 8;

    private readonly DataType _storage;
    private readonly Random _random;

    /// <param name="shape">B, T, H, D.</param>
    /// <param name="documents">Where they open.</param>
    /// <param name="storage">What the numbers are rounded to.</param>
    /// <param name="seed">Of the numbers.</param>
    /// <param name="growth">How much larger each key is than the one before it: scores then grow from tile to tile, and their maximum with them.</param>
    public AttentionCase(in AttentionShape shape, DocumentLayout documents, DataType storage, int seed, double growth = 0)
    {
        (Shape, _storage, _random) = (shape, storage, new Random(seed));
        Starts = AttentionCases.DocumentStarts(_random, shape.Batch, shape.Time, documents);
        Qkv = Normal(shape.Rows * 3 * shape.Channels);
        for (int i = 0; growth > 0 && i < Qkv.Length; i++)
        {
            bool isKey = i / shape.Channels % 3 == 1;
            Qkv[i] = isKey ? Tolerance.Round(Qkv[i] * (1 + (growth * (i / (3 * shape.Channels) % shape.Time))), storage) : Qkv[i];
        }

        GradOutput = Normal(shape.Rows * shape.Channels);
        (double[] output, LogSumExp) = Forward<double>(Qkv);
        Output = output;
    }

    public AttentionShape Shape { get; }

    public int[] Starts { get; }

    /// <summary>Tests may change it, and take the oracle no longer.</summary>
    public double[] Qkv { get; }

    public double[] GradOutput { get; }

    /// <summary>The oracle's.</summary>
    public double[] Output { get; }

    /// <summary>The oracle's.</summary>
    public double[] LogSumExp { get; }

    /// <summary>The oracle's gradient of QKV, from its output and log-sums as the storage types hold them.</summary>
    public double[] GradQkv() => Backward<double>(Qkv, GradOutput);

    /// <summary>The largest error allowed of output and of logSumExp.</summary>
    public (double Output, double LogSumExp) ForwardBounds()
    {
        (double[] Output, double[] LogSumExp)[] plain = [.. Moved(Qkv).Select(qkv => _storage == DataType.Float32 ? Forward<float>(qkv) : Forward<Half>(qkv))];
        return (Bound(Output, plain.Select(p => p.Output), _storage), Bound(LogSumExp, plain.Select(p => p.LogSumExp), DataType.Float32));
    }

    /// <summary>The largest error allowed of gradQkv.</summary>
    public double BackwardBound(double[] oracle) => Bound(
        oracle,
        Moved(Qkv).Zip(Moved(GradOutput), (qkv, grad) => _storage == DataType.Float32 ? Backward<float>(qkv, grad) : Backward<Half>(qkv, grad)),
        _storage);

    private static T[] To<T>(double[] values)
        where T : INumberBase<T> => Array.ConvertAll(values, T.CreateChecked);

    private static double[] From<T>(T[] values)
        where T : INumberBase<T> => Array.ConvertAll(values, double.CreateChecked);

    private double Bound(double[] oracle, IEnumerable<double[]> plain, DataType type) => _storage == DataType.BFloat16
        ? BFloat16OverFloat16 * Tolerance.Bound(oracle, plain, type == DataType.BFloat16 ? DataType.Float16 : type)
        : Tolerance.Bound(oracle, plain, type);

    /// <summary>The numbers, and the numbers moved to a neighbour or not: see <see cref="Tolerance"/>.</summary>
    private IEnumerable<double[]> Moved(double[] values)
    {
        yield return values;
        DataType type = _storage == DataType.Float32 ? DataType.Float32 : DataType.Float16;
        int runs = Math.Clamp(20_000 / values.Length, 1, 15);
        for (int run = 0; run < runs; run++)
        {
            yield return Array.ConvertAll(values, v => v + (_random.Next(-1, 2) * Tolerance.UnitInTheLastPlace(Math.Abs(v), type)));
        }
    }

    private (double[] Output, double[] LogSumExp) Forward<T>(double[] qkv)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        T[] output = new T[Shape.Rows * Shape.Channels];
        T[] logSumExp = new T[Shape.Rows * Shape.Heads];
        AttentionReference.Forward<T>(To<T>(qkv), Starts, output, logSumExp, Shape);
        return (From(output), From(logSumExp));
    }

    private double[] Backward<T>(double[] qkv, double[] gradOutput)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        T[] grad = new T[qkv.Length];
        double[] output = Array.ConvertAll(Output, v => Tolerance.Round(v, _storage));
        double[] logSumExp = Array.ConvertAll(LogSumExp, v => Tolerance.Round(v, DataType.Float32));
        AttentionReference.Backward<T>(To<T>(qkv), Starts, To<T>(output), To<T>(logSumExp), To<T>(gradOutput), grad, Shape);
        return From(grad);
    }

    private double[] Normal(long count)
    {
        double[] values = new double[count];
        for (long i = 0; i < count; i++)
        {
            double sum = _random.NextDouble() + _random.NextDouble() + _random.NextDouble() + _random.NextDouble();
            values[i] = Tolerance.Round(Math.Sqrt(3) * (sum - 2), _storage);
        }

        return values;
    }
}
