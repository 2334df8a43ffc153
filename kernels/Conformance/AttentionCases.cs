using System;
using System.Collections.Generic;
using System.Linq;
using GptEngine.Kernels.Attention;
using GptEngine.Kernels.Common;

namespace GptEngine.Kernels.Conformance;

/// <summary>Rotary positions, attention and its cache.</summary>
public static class AttentionCases
{
    public static IEnumerable<OperationCase> Forward(CaseSizes sizes, string suffix = "")
    {
        ArgumentNullException.ThrowIfNull(sizes);
        foreach ((int batch, int time, int heads, int headSize, DocumentLayout documents) in sizes.Attentions)
        {
            var shape = new AttentionShape(batch, time, heads, headSize);
            yield return new ComparedCase("AttentionForward", $"{Describe(shape)} documents {documents}{suffix}", bench => Forward(
                bench, bench.Normal(shape.Rows * 3 * shape.Channels), DocumentStarts(bench.Random, batch, time, documents), shape));
        }
    }

    /// <summary>Both passes again, for one of several kernels that could run them: over the shapes that it serves.</summary>
    /// <param name="sizes">The shapes.</param>
    /// <param name="word">What the kernels go by; it stands in the cases' names.</param>
    /// <param name="serves">Whether they are to run a pass over a shape.</param>
    public static IEnumerable<OperationCase> ByKernels(CaseSizes sizes, string word, Func<AttentionDirection, AttentionShape, bool> serves)
    {
        ArgumentNullException.ThrowIfNull(sizes);
        ArgumentNullException.ThrowIfNull(serves);
        return Enum.GetValues<AttentionDirection>().SelectMany(direction => sizes.Attentions
            .Where(size => serves(direction, new AttentionShape(size.Batch, size.Time, size.Heads, size.HeadSize)))
            .SelectMany(size =>
            {
                CaseSizes one = sizes with { Attentions = [size] };
                return direction == AttentionDirection.Forward ? Forward(one, $" by {word}") : Backward(one, $" by {word}");
            }));
    }

    /// <summary>Large scores: the softmax is all but one-hot, and exp would overflow without its maximum taken out.</summary>
    public static IEnumerable<OperationCase> LargeScores()
    {
        var shape = new AttentionShape(1, 97, 2, 32);
        yield return new ComparedCase("AttentionForward", $"{Describe(shape)} large scores", bench => Forward(
            bench, bench.Normal(shape.Rows * 3 * shape.Channels, 30), DocumentStarts(bench.Random, 1, 97, DocumentLayout.None), shape));
    }

    public static IEnumerable<OperationCase> Backward(CaseSizes sizes, string suffix = "")
    {
        ArgumentNullException.ThrowIfNull(sizes);
        foreach ((int batch, int time, int heads, int headSize, DocumentLayout documents) in sizes.Attentions)
        {
            var shape = new AttentionShape(batch, time, heads, headSize);
            yield return new ComparedCase("AttentionBackward", $"{Describe(shape)} documents {documents}{suffix}", bench =>
            {
                double[] qkv = bench.Rounded(TensorKind.Storage, bench.Normal(shape.Rows * 3 * shape.Channels));
                double[] gradOutput = bench.Normal(shape.Rows * shape.Channels);
                Backward(bench, qkv, gradOutput, DocumentStarts(bench.Random, batch, time, documents), shape);
            });
        }
    }

    /// <summary>What stands in one document changes nothing of another.</summary>
    public static IEnumerable<OperationCase> OneDocumentChanged(CaseSizes sizes)
    {
        ArgumentNullException.ThrowIfNull(sizes);
        return sizes.ChangedDocuments.Select(size => new ChangedDocumentCase(size.Time, size.HeadSize));
    }

    public static IEnumerable<OperationCase> Rotary(CaseSizes sizes)
    {
        ArgumentNullException.ThrowIfNull(sizes);
        foreach (int headSize in sizes.HeadSizes.Where(size => size % 2 == 0))
        {
            var shape = new AttentionShape(2, 31, 3, headSize);
            foreach ((bool inverse, int first) in new[] { (false, 0), (false, 5), (true, 0), (true, 5) })
            {
                yield return new ComparedCase("Rotary", $"{Describe(shape)} from {first}{(inverse ? " back" : "")}", bench =>
                {
                    int positions = shape.Time + 7;
                    double[] angles = bench.Normal(positions * headSize / 2, 3);
                    bench.Operations.Rotary(
                        bench.Update("qkv", TensorKind.Storage, shape.Rows, 3 * shape.Channels),
                        bench.Read("cosine", TensorKind.Master, Array.ConvertAll(angles, Math.Cos), positions, headSize / 2),
                        bench.Read("sine", TensorKind.Master, Array.ConvertAll(angles, Math.Sin), positions, headSize / 2),
                        shape,
                        first,
                        inverse);
                });
            }
        }
    }

    public static IEnumerable<OperationCase> Decode(CaseSizes sizes)
    {
        ArgumentNullException.ThrowIfNull(sizes);
        const int Capacity = 97;
        foreach (int headSize in sizes.HeadSizes)
        {
            var shape = new AttentionShape(3, 1, 2, headSize);
            foreach (int position in sizes.Positions)
            {
                yield return new ComparedCase("AttentionDecode", $"{Describe(shape)} at {position}", bench => bench.Operations.AttentionDecode(
                    bench.Read("qkv", TensorKind.Storage, 3, 3 * shape.Channels),
                    bench.Update("keyCache", TensorKind.Storage, 3, 2, Capacity, headSize),
                    bench.Update("valueCache", TensorKind.Storage, 3, 2, Capacity, headSize),
                    bench.Read("documentStart", [0, position / 2, position], 3),
                    bench.Write("output", TensorKind.Storage, 3, shape.Channels),
                    position,
                    shape));
            }
        }
    }

    public static IEnumerable<OperationCase> Cache(CaseSizes sizes)
    {
        ArgumentNullException.ThrowIfNull(sizes);
        foreach ((int time, int headSize) in sizes.Caches)
        {
            var shape = new AttentionShape(2, time, 3, headSize);
            yield return new ComparedCase("CacheKeysAndValues", Describe(shape), bench => bench.Operations.CacheKeysAndValues(
                bench.Read("qkv", TensorKind.Storage, shape.Rows, 3 * shape.Channels),
                bench.Update("keyCache", TensorKind.Storage, 2, 3, 40, headSize),
                bench.Update("valueCache", TensorKind.Storage, 2, 3, 40, headSize),
                shape))
            {
                IsSingle = true,
            };
        }
    }

    /// <summary>The first key that each query sees.</summary>
    public static int[] DocumentStarts(Random random, int batch, int time, DocumentLayout documents)
    {
        ArgumentNullException.ThrowIfNull(random);
        int[] starts = new int[batch * time];
        for (int b = 0; b < batch; b++)
        {
            for (int t = 1; t < time; t++)
            {
                bool opens = documents switch
                {
                    DocumentLayout.EveryToken => true,
                    DocumentLayout.Ragged => random.Next(12) == 0,
                    DocumentLayout.TileEdges => t % 127 == 65,
                    DocumentLayout.Edges => t == time - 1 || t == time / 2 || t == (time / 2) + 1,
                    _ => false,
                };
                starts[(b * time) + t] = opens ? t : starts[(b * time) + t - 1];
            }
        }

        return starts;
    }

    internal static string Describe(in AttentionShape shape) => $"B={shape.Batch} T={shape.Time} H={shape.Heads} D={shape.HeadSize}";

    internal static void Forward(OperationBench bench, double[] qkv, int[] starts, in AttentionShape shape) => bench.Operations.AttentionForward(
        bench.Read("qkv", TensorKind.Storage, qkv, shape.Rows, 3 * shape.Channels),
        bench.Read("documentStart", starts, shape.Batch, shape.Time),
        bench.Write("output", TensorKind.Storage, shape.Rows, shape.Channels),
        bench.Write("logSumExp", TensorKind.Master, shape.Batch, shape.Heads, shape.Time),
        shape);

    internal static void Backward(OperationBench bench, double[] qkv, double[] gradOutput, int[] starts, in AttentionShape shape)
    {
        double[] output = new double[shape.Rows * shape.Channels];
        double[] logSumExp = new double[shape.Rows * shape.Heads];
        AttentionReference.Forward<double>(qkv, starts, output, logSumExp, shape);
        AttentionShape copy = shape;
        bench.Workspace(o => o.AttentionBackwardWorkspaceBytes(copy));
        bench.Operations.AttentionBackward(
            bench.Read("qkv", TensorKind.Storage, qkv, shape.Rows, 3 * shape.Channels),
            bench.Read("documentStart", starts, shape.Batch, shape.Time),
            bench.Read("forwardOutput", TensorKind.Storage, output, shape.Rows, shape.Channels),
            bench.Read("forwardLogSumExp", TensorKind.Master, logSumExp, shape.Batch, shape.Heads, shape.Time),
            bench.Read("gradOutput", TensorKind.Storage, gradOutput, shape.Rows, shape.Channels),
            bench.Write("gradQkv", TensorKind.Storage, shape.Rows, 3 * shape.Channels),
            shape);
    }
}
