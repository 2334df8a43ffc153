using System;
using System.Collections.Generic;
using System.Linq;
using GptEngine.Engine.Model;
using GptEngine.Runtime.Communication;
using GptEngine.Runtime.Memory;

namespace GptEngine.Engine.Ranks;

/// <summary>
/// Something that there is for every parameter, masters or a moment, as far as this rank holds it: a whole arena, or its share alone, one
/// range behind the other.
/// </summary>
public sealed class ArenaShard
{
    private readonly ArenaMap _map;
    private readonly (Tensor Part, Tensor Bucket)[] _parts = [];

    /// <param name="map">How the arena is cut.</param>
    /// <param name="memory">A whole arena, or as many elements as the share has.</param>
    public ArenaShard(ArenaMap map, Tensor memory)
    {
        ArgumentNullException.ThrowIfNull(map);
        ArgumentNullException.ThrowIfNull(memory);
        _map = map;
        Memory = memory;
        IsWhole = memory.Count == map.ArenaCount;
        long at = 0;
        var slices = new List<Tensor>();
        foreach (ArenaRange range in map.Share)
        {
            slices.Add(memory.View(memory.Name, IsWhole ? range.Start : at, range.Count));
            at += range.Count;
        }

        Slices = slices;
        if (IsWhole)
        {
            _parts = [.. map.Buckets.Select((bucket, i) => (slices[i], memory.View($"{memory.Name} bucket {i}", bucket.Range.Start, bucket.Range.Count)))];
        }
    }

    /// <summary>All there is of it here.</summary>
    public Tensor Memory { get; }

    /// <summary>Whether that is the whole arena.</summary>
    public bool IsWhole { get; }

    /// <summary>The memory of each range of <see cref="ArenaMap.Share"/>.</summary>
    public IReadOnlyList<Tensor> Slices { get; }

    /// <summary>The pieces of a parameter that lie in the share: the first element's place in the parameter, and the memory.</summary>
    public IEnumerable<(long First, Tensor Memory)> PiecesOf(ParameterSpec parameter)
    {
        ArgumentNullException.ThrowIfNull(parameter);
        for (int i = 0; i < Slices.Count; i++)
        {
            ArenaRange range = _map.Share[i];
            long start = Math.Max(range.Start, parameter.Offset);
            long end = Math.Min(range.End, parameter.Offset + parameter.Count);
            if (start < end)
            {
                yield return (start - parameter.Offset, Slices[i].View(parameter.Name, start - range.Start, end - start));
            }
        }
    }

    /// <summary>Enqueues what brings every other rank's share here, where a whole arena is held; behind the device's work so far and before what follows.</summary>
    public void Complete(Communicator collectives)
    {
        ArgumentNullException.ThrowIfNull(collectives);
        collectives.Follow();
        using (collectives.Group())
        {
            for (int bucket = 0; bucket < _parts.Length; bucket++)
            {
                Gather(bucket, collectives);
            }
        }

        collectives.Join();
    }

    /// <summary>Enqueues what brings every rank's part of one bucket to all.</summary>
    public void Gather(int bucket, Communicator collectives)
    {
        ArgumentNullException.ThrowIfNull(collectives);
        collectives.AllGather(_parts[bucket].Part, _parts[bucket].Bucket);
    }
}
