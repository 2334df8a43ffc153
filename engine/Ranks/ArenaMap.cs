using System;
using System.Collections.Generic;
using System.Linq;
using GptEngine.Engine.Model;
using GptEngine.Runtime.Memory;

namespace GptEngine.Engine.Ranks;

/// <summary>
/// How the parameter arena is cut among the ranks of a run. Matrices are cut from the arena's end to its start, which is the order in which
/// the backward pass completes their gradients, vectors apart from them. Boundaries fall where every rank's part of a bucket is aligned,
/// not where parameters end: a bucket is ready when the last of the parameters it touches is. A lone process has one range, the whole.
/// </summary>
public sealed class ArenaMap
{
    /// <param name="catalogue">The parameters.</param>
    /// <param name="layout">The ranks; null for a process alone.</param>
    /// <param name="type">Of the gradients.</param>
    public ArenaMap(ParameterCatalogue catalogue, RankLayout? layout, DataType type)
    {
        ArgumentNullException.ThrowIfNull(catalogue);
        Layout = layout;
        if (layout is null)
        {
            ArenaCount = catalogue.ArenaCount;
            Buckets = [];
            Share = [new ArenaRange(0, ArenaCount)];
        }
        else
        {
            long unit = ParameterCatalogue.OffsetUnit * layout.WorldSize;
            ArenaCount = (catalogue.ArenaCount + unit - 1) / unit * unit;
            long most = Math.Max(1, layout.BucketBytes / type.SizeInBytes() / unit) * unit;
            long matrices = catalogue.DecayCount / unit * unit;
            Buckets =
            [
                .. Cut(new ArenaRange(0, matrices), most).Concat(Cut(new ArenaRange(matrices, ArenaCount - matrices), most))
                    .Select(range => BucketOf(range, catalogue))
                    .OrderBy(bucket => bucket.Phase).ThenByDescending(bucket => bucket.Range.Start),
            ];
            Share = [.. Buckets.Select(bucket => bucket.PartOf(layout.Rank, layout.WorldSize))];
        }

        ReadOrder = [.. Enumerable.Range(0, Buckets.Count).OrderBy(bucket => Buckets[bucket].ReadPhase).ThenBy(bucket => Buckets[bucket].Range.Start)];
        ShareCount = Share.Sum(range => range.Count);
    }

    /// <summary>Null for a process alone.</summary>
    public RankLayout? Layout { get; }

    /// <summary>Elements of an arena: those of the catalogue, rounded up so that every rank's part has the same size.</summary>
    public long ArenaCount { get; }

    /// <summary>In the order in which they are complete, which is that of their collectives on every rank; none for a process alone.</summary>
    public IReadOnlyList<GradientBucket> Buckets { get; }

    /// <summary>The numbers of the buckets in the order in which the forward pass first reads their weights.</summary>
    public IReadOnlyList<int> ReadOrder { get; }

    /// <summary>What this rank reads and writes of checkpoints, and where the optimizer is sharded, all it updates: its part of every bucket.</summary>
    public IReadOnlyList<ArenaRange> Share { get; }

    /// <summary>Elements of the share.</summary>
    public long ShareCount { get; }

    private static IEnumerable<ArenaRange> Cut(ArenaRange whole, long most)
    {
        for (long end = whole.End; end > whole.Start; end -= most)
        {
            long start = Math.Max(whole.Start, end - most);
            yield return new ArenaRange(start, end - start);
        }
    }

    private static GradientBucket BucketOf(ArenaRange range, ParameterCatalogue catalogue)
    {
        ParameterSpec[] touched =
            [.. catalogue.Parameters.Where(parameter => parameter.Offset < range.End && parameter.Offset + parameter.MemoryCount > range.Start)];

        // Of the last bucket's end, which only makes parts alike, nothing may be left.
        return touched.Length == 0
            ? new GradientBucket(range, 0, 0)
            : new GradientBucket(range, touched.Max(parameter => parameter.GradientPhase), touched.Min(parameter => parameter.ReadPhase));
    }
}
