using System;
using System.Collections.Generic;
using System.Linq;

namespace GptEngine.Engine.Scaling;

/// <summary>How the GPUs of a host are linked, and the rings that collectives find in it.</summary>
public sealed class NodeTopology
{
    private readonly int[,] _links;

    private NodeTopology(int[,] links) => _links = links;

    /// <summary>
    /// A DGX-1 with V100: the hybrid cube mesh, six links a GPU, as <c>nvidia-smi topo -m</c> shows it (NV1, NV2). Two squares of four,
    /// and an edge between each GPU and its like in the other square.
    /// </summary>
    public static NodeTopology Dgx1 { get; } = new(new[,]
    {
        { 0, 1, 1, 2, 2, 0, 0, 0 },
        { 1, 0, 2, 1, 0, 2, 0, 0 },
        { 1, 2, 0, 2, 0, 0, 1, 0 },
        { 2, 1, 2, 0, 0, 0, 0, 1 },
        { 2, 0, 0, 0, 0, 1, 1, 2 },
        { 0, 2, 0, 0, 1, 0, 2, 1 },
        { 0, 0, 1, 0, 1, 2, 0, 2 },
        { 0, 0, 0, 1, 2, 1, 2, 0 },
    });

    /// <summary>GPUs of the host.</summary>
    public int GpuCount => _links.GetLength(0);

    /// <summary>Links of a GPU.</summary>
    public int LinksOf(int gpu) => Enumerable.Range(0, GpuCount).Sum(other => _links[gpu, other]);

    /// <summary>
    /// Rings through all of the first <paramref name="gpus"/> GPUs that share no link in the same direction: each round trip is two, one in
    /// each direction; between two GPUs every link is one. 0 where no ring closes over links.
    /// </summary>
    public int RingCount(int gpus)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(gpus, 2);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(gpus, GpuCount);
        if (gpus == 2)
        {
            return _links[0, 1];
        }

        int[][] cycles = [.. Cycles([0], gpus)];
        return 2 * MostTogether(cycles, 0, (int[,])_links.Clone());
    }

    // Round trips from GPU 0, each in one of its two directions.
    private IEnumerable<int[]> Cycles(int[] path, int gpus)
    {
        if (path.Length == gpus)
        {
            if (_links[path[^1], 0] > 0 && path[1] < path[^1])
            {
                yield return path;
            }

            yield break;
        }

        for (int next = 1; next < gpus; next++)
        {
            if (_links[path[^1], next] > 0 && !path.Contains(next))
            {
                foreach (int[] cycle in Cycles([.. path, next], gpus))
                {
                    yield return cycle;
                }
            }
        }
    }

    // The largest number of the cycles, any of them more than once, that fit into the links left.
    private static int MostTogether(int[][] cycles, int from, int[,] left)
    {
        int best = 0;
        for (int i = from; i < cycles.Length; i++)
        {
            if (Fits(cycles[i], left))
            {
                Take(cycles[i], left, 1);
                best = Math.Max(best, 1 + MostTogether(cycles, i, left));
                Take(cycles[i], left, -1);
            }
        }

        return best;
    }

    private static bool Fits(int[] cycle, int[,] left) =>
        Enumerable.Range(0, cycle.Length).All(i => left[cycle[i], cycle[(i + 1) % cycle.Length]] > 0);

    private static void Take(int[] cycle, int[,] left, int links)
    {
        for (int i = 0; i < cycle.Length; i++)
        {
            int a = cycle[i], b = cycle[(i + 1) % cycle.Length];
            left[a, b] -= links;
            left[b, a] -= links;
        }
    }
}
