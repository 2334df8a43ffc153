using System;
using GptEngine.Kernels.Common;
using GptEngine.Kernels.Common.Cpu;
using GptEngine.Runtime.Cpu;

namespace GptEngine.Kernels.Attention;

/// <summary>
/// Attention's backward pass: an item is one head of one sequence, so that its three gradients have one owner and sums one order.
/// With P = e^(S − logSumExp) recomputed tile by tile and delta = rowsum(dO∘O): dV = Pᵀ·dO, dP = dO·Vᵀ, dS = P∘(dP − delta)·scale,
/// dQ = dS·K, dK = dSᵀ·Q (Dao et al. 2022, algorithm 4).
/// </summary>
internal readonly unsafe struct AttentionBackwardCpu<V>(
    float* qkv, int* documentStart, float* output, float* logSumExp, float* gradOutput, float* gradQkv, AttentionShape shape, float* workspace,
    WorkerScratch scratch) : IParallelWork
    where V : unmanaged, ISimd<V>
{
    private const int Queries = AttentionTile<V>.Queries;
    private const int Keys = AttentionTile<V>.Keys;

    private readonly AttentionShape _shape = shape;

    /// <summary>Floats of workspace a worker needs: K, V and their gradients for a whole head.</summary>
    public static long WorkspaceFloats(in AttentionShape shape) => 4L * shape.Time * AttentionTile<V>.Padded(shape.HeadSize);

    public void Run(int begin, int end, int worker)
    {
        for (int item = begin; item < end; item++)
            Head(item / _shape.Heads, item % _shape.Heads, workspace + (worker * WorkspaceFloats(_shape)), scratch.Of(worker));
    }

    private void Head(int sequence, int head, float* memory, float* tiles)
    {
        int headSize = _shape.HeadSize, padded = AttentionTile<V>.Padded(headSize), time = _shape.Time;
        long stride = 3L * _shape.Channels, whole = (long)time * padded, offset = ((long)sequence * time * stride) + ((long)head * headSize);
        float* keys = memory, values = keys + whole, gradKeys = values + whole, gradValues = gradKeys + whole;
        AttentionTile<V>.CopyRows(qkv + offset + _shape.Channels, stride, time, headSize, keys, padded);
        AttentionTile<V>.CopyRows(qkv + offset + (2 * _shape.Channels), stride, time, headSize, values, padded);
        new Span<float>(gradKeys, checked((int)(2 * whole))).Clear();
        for (int query = 0; query < time; query += Queries)
            QueryTile(sequence, head, query, keys, values, gradKeys, gradValues, tiles);
        float* to = gradQkv + offset;
        for (int t = 0; t < time; t++, to += stride, gradKeys += padded, gradValues += padded)
        {
            new Span<float>(gradKeys, headSize).CopyTo(new Span<float>(to + _shape.Channels, headSize));
            new Span<float>(gradValues, headSize).CopyTo(new Span<float>(to + (2 * _shape.Channels), headSize));
        }
    }

    private void QueryTile(int sequence, int head, int firstQuery, float* keys, float* values, float* gradKeys, float* gradValues, float* tiles)
    {
        int headSize = _shape.HeadSize, padded = AttentionTile<V>.Padded(headSize), queries = Math.Min(Queries, _shape.Time - firstQuery);
        long row = ((long)sequence * _shape.Time) + firstQuery, stride = 3L * _shape.Channels, outputAt = (row * _shape.Channels) + ((long)head * headSize);
        float* q = qkv + (row * stride) + ((long)head * headSize);
        int* start = documentStart + ((long)sequence * _shape.Time);

        float* queryTile = tiles, queryRows = queryTile + (Queries * headSize), gradTile = queryRows + (Queries * padded);
        float* gradRows = gradTile + (Queries * headSize), gradQueries = gradRows + (Queries * padded);
        float* weights = gradQueries + (Queries * padded), gradScores = weights + (Keys * Queries);
        float* delta = gradScores + (Keys * Queries), statistics = delta + Queries;
        AttentionTile<V>.Transpose(q, stride, queries, headSize, queryTile, _shape.Scale);
        AttentionTile<V>.CopyRows(q, stride, queries, headSize, queryRows, padded);
        AttentionTile<V>.Transpose(gradOutput + outputAt, _shape.Channels, queries, headSize, gradTile, 1.0f);
        AttentionTile<V>.CopyRows(gradOutput + outputAt, _shape.Channels, queries, headSize, gradRows, padded);
        float* saved = logSumExp + ((((long)sequence * _shape.Heads) + head) * _shape.Time) + firstQuery;
        for (int i = 0; i < Queries; i++)
        {
            // Columns past the last query get a weight of 0.
            delta[i] = i < queries ? Dot(gradOutput + outputAt + ((long)i * _shape.Channels), output + outputAt + ((long)i * _shape.Channels), headSize) : 0;
            statistics[i] = i < queries ? saved[i] : -AttentionTile<V>.Hidden;
        }

        int firstKey = start[firstQuery];
        for (int key = firstKey; key < firstQuery + queries; key += Keys)
        {
            int count = Math.Min(Keys, firstQuery + queries - key);
            long at = (long)key * padded;
            TileProduct<V>.Multiply(count, Queries, headSize, keys + at, padded, 1, queryTile, Queries, weights, Queries, accumulate: false);
            AttentionTile<V>.Mask(weights, key, count, firstQuery, queries, start, AttentionTile<V>.Hidden);
            TileProduct<V>.Multiply(count, Queries, headSize, values + at, padded, 1, gradTile, Queries, gradScores, Queries, accumulate: false);
            ScoreGradients(weights, gradScores, count, delta, statistics, _shape.Scale);
            TileProduct<V>.Multiply(count, padded, queries, weights, Queries, 1, gradRows, padded, gradValues + at, padded, accumulate: true);
            TileProduct<V>.Multiply(count, padded, queries, gradScores, Queries, 1, queryRows, padded, gradKeys + at, padded, accumulate: true);
            TileProduct<V>.Multiply(queries, padded, count, gradScores, 1, Queries, keys + at, padded, gradQueries, padded, accumulate: key > firstKey);
        }

        float* to = gradQkv + (row * stride) + ((long)head * headSize);
        for (int i = 0; i < queries; i++, to += stride, gradQueries += padded)
            new Span<float>(gradQueries, headSize).CopyTo(new Span<float>(to, headSize));
    }

    private static void ScoreGradients(float* weights, float* gradScores, int keys, float* delta, float* statistics, float scale)
    {
        V factor = V.Create(scale);
        for (int lane = 0; lane < Queries; lane += V.Count)
        {
            V shift = V.Load(statistics + lane), center = V.Load(delta + lane);
            for (int key = 0; key < keys; key++)
            {
                int at = (key * Queries) + lane;
                V weight = SimdMath.Exp(V.Load(weights + at) - shift);
                weight.Store(weights + at);
                ((V.Load(gradScores + at) - center) * weight * factor).Store(gradScores + at);
            }
        }
    }

    private static float Dot(float* left, float* right, int count)
    {
        V total = V.Zero;
        int d = 0;
        for (; d + V.Count <= count; d += V.Count)
            total = V.MultiplyAdd(V.Load(left + d), V.Load(right + d), total);
        float rest = 0;
        for (; d < count; d++)
            rest += left[d] * right[d];
        return total.Sum() + rest;
    }
}
