using System;
using GptEngine.Kernels.Common;
using GptEngine.Kernels.Common.Cpu;
using GptEngine.Runtime.Cpu;

namespace GptEngine.Kernels.Attention;

/// <summary>
/// Attention's forward pass, tiled as in Dao et al. 2022: an item is a tile of queries of one head, which passes over the tiles of keys that
/// its mask does not empty, with running maximum and sum (Milakov and Gimelshein 2018).
/// </summary>
internal readonly unsafe struct AttentionForwardCpu<V>(
    float* qkv, int* documentStart, float* output, float* logSumExp, AttentionShape shape, WorkerScratch scratch) : IParallelWork
    where V : unmanaged, ISimd<V>
{
    private const int Queries = AttentionTile<V>.Queries;
    private const int Keys = AttentionTile<V>.Keys;

    private readonly AttentionShape _shape = shape;

    public static int TilesOf(int time) => (time + Queries - 1) / Queries;

    public void Run(int begin, int end, int worker)
    {
        int tiles = TilesOf(_shape.Time);
        for (int item = begin; item < end; item++)
        {
            // The last tiles of a sequence have the most keys: started first, they leave the short ones to even out the end.
            int tile = tiles - 1 - (item % tiles), head = item / tiles % _shape.Heads, sequence = item / tiles / _shape.Heads;
            Tile(sequence, head, tile * Queries, scratch.Of(worker));
        }
    }

    private void Tile(int sequence, int head, int firstQuery, float* memory)
    {
        int headSize = _shape.HeadSize, padded = AttentionTile<V>.Padded(headSize), queries = Math.Min(Queries, _shape.Time - firstQuery);
        long stride = 3L * _shape.Channels;
        float* q = qkv + ((long)sequence * _shape.Time * stride) + ((long)head * headSize);
        float* k = q + _shape.Channels, v = k + _shape.Channels;
        int* start = documentStart + ((long)sequence * _shape.Time);

        float* queryTile = memory, keyTile = queryTile + (Queries * headSize), valueTile = keyTile + (Keys * padded);
        float* scores = valueTile + (Keys * padded), sums = scores + (Keys * Queries), maxima = sums + Queries, factors = maxima + Queries;
        float* result = factors + Queries;
        AttentionTile<V>.Transpose(q + (firstQuery * stride), stride, queries, headSize, queryTile, _shape.Scale);
        new Span<float>(sums, Queries).Clear();
        new Span<float>(maxima, Queries).Fill(AttentionTile<V>.Hidden);

        int firstKey = start[firstQuery];
        for (int key = firstKey; key < firstQuery + queries; key += Keys)
        {
            int keys = Math.Min(Keys, firstQuery + queries - key);
            AttentionTile<V>.CopyRows(k + (key * stride), stride, keys, headSize, keyTile, padded);
            AttentionTile<V>.CopyRows(v + (key * stride), stride, keys, headSize, valueTile, padded);
            // Sᵀ = K·(scale·Q)ᵀ
            TileProduct<V>.Multiply(keys, Queries, headSize, keyTile, padded, 1, queryTile, Queries, scores, Queries, accumulate: false);
            AttentionTile<V>.Mask(scores, key, keys, firstQuery, queries, start, AttentionTile<V>.Hidden * 2);
            Softmax(scores, keys, maxima, sums, factors);
            if (key > firstKey)
                Rescale(result, queries, padded, factors);
            // O += P·V
            TileProduct<V>.Multiply(queries, padded, keys, scores, 1, Queries, valueTile, padded, result, padded, accumulate: key > firstKey);
        }

        float* to = output + ((((long)sequence * _shape.Time) + firstQuery) * _shape.Channels) + ((long)head * headSize);
        float* statistics = logSumExp + ((((long)sequence * _shape.Heads) + head) * _shape.Time) + firstQuery;
        for (int i = 0; i < queries; i++, to += _shape.Channels, result += padded)
        {
            float factor = 1.0f / sums[i];
            for (int d = 0; d < headSize; d++)
                to[d] = result[d] * factor;
            statistics[i] = maxima[i] + MathF.Log(sums[i]);
        }
    }

    // Scores become e^(score − maximum); factors get what the earlier tiles' sums and results must be multiplied by.
    private static void Softmax(float* scores, int keys, float* maxima, float* sums, float* factors)
    {
        for (int lane = 0; lane < Queries; lane += V.Count)
        {
            V before = V.Load(maxima + lane), maximum = before;
            for (int key = 0; key < keys; key++)
                maximum = V.Max(maximum, V.Load(scores + (key * Queries) + lane));
            V sum = V.Zero;
            for (int key = 0; key < keys; key++)
            {
                float* at = scores + (key * Queries) + lane;
                V weight = SimdMath.Exp(V.Load(at) - maximum);
                weight.Store(at);
                sum += weight;
            }

            V factor = SimdMath.Exp(before - maximum);
            factor.Store(factors + lane);
            V.MultiplyAdd(V.Load(sums + lane), factor, sum).Store(sums + lane);
            maximum.Store(maxima + lane);
        }
    }

    private static void Rescale(float* result, int queries, int padded, float* factors)
    {
        for (int i = 0; i < queries; i++, result += padded)
        {
            V factor = V.Create(factors[i]);
            for (int d = 0; d < padded; d += V.Count)
                (V.Load(result + d) * factor).Store(result + d);
        }
    }
}
