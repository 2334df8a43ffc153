using System;
using System.Collections.Generic;
using System.Linq;
using GptEngine.Engine.Configuration;
using GptEngine.Engine.Model;
using GptEngine.Engine.Ranks;
using GptEngine.Runtime.Memory;
using NUnit.Framework;

namespace GptEngine.Tests.Ranks;

public sealed class ArenaMapTests
{
    private static readonly ModelConfiguration Model = new()
    {
        VocabSize = 50_257,
        ContextLength = 256,
        DModel = 512,
        NLayers = 12,
        NHeads = 8,
    };

    [Test]
    public void Buckets_CoverTheArenaOnce_InPartsOfOneSize(
        [Values(1, 2, 4, 7, 8, 1024)] int world, [Values(1 << 18, 25 << 20, 1L << 40)] long bucketBytes)
    {
        var catalogue = new ParameterCatalogue(Model);
        ArenaMap[] maps = [.. new[] { 0, world / 2, world - 1 }.Select(rank => Map(catalogue, rank, world, bucketBytes))];
        ArenaMap map = maps[0];
        long at = 0;
        foreach (GradientBucket bucket in map.Buckets.OrderBy(bucket => bucket.Range.Start))
        {
            Assert.That(bucket.Range.Start, Is.EqualTo(at));
            at = bucket.Range.End;
        }

        Assert.That(at, Is.EqualTo(map.ArenaCount));
        Assert.That(at, Is.GreaterThanOrEqualTo(catalogue.ArenaCount).And.LessThan(catalogue.ArenaCount + (128 * world)));
        Assert.That(map.ShareCount, Is.EqualTo(map.ArenaCount / world));
        foreach (ArenaMap other in maps)
        {
            Assert.That(other.Buckets, Is.EqualTo(map.Buckets), "every rank has the same order");
            Assert.That(other.Share.Select(part => part.Start % ParameterCatalogue.OffsetUnit), Is.All.Zero);
        }

        if (bucketBytes >= 128 * world * sizeof(float))
        {
            Assert.That(map.Buckets.Max(bucket => bucket.Range.Count * sizeof(float)), Is.LessThanOrEqualTo(bucketBytes));
        }
    }

    [Test]
    public void Buckets_AreReadyBehindTheLastOfTheirParameters([Values] bool tied)
    {
        var catalogue = new ParameterCatalogue(Model with { TieEmbeddings = tied });
        ArenaMap map = Map(catalogue, 3, 7, 4 << 20);
        foreach (GradientBucket bucket in map.Buckets)
        {
            IEnumerable<int> phases = catalogue.Parameters
                .Where(parameter => parameter.Offset < bucket.Range.End && parameter.Offset + parameter.MemoryCount > bucket.Range.Start)
                .Select(parameter => parameter.GradientPhase);
            Assert.That(phases, Is.All.LessThanOrEqualTo(bucket.Phase));
        }

        var order = new Phases(Model.NLayers);
        Assert.That(map.Buckets.Select(bucket => bucket.Phase), Is.Ordered);
        Assert.That(map.Buckets[0].Phase, Is.EqualTo(tied ? order.MlpBackward(Model.NLayers - 1) : order.Head));
        Assert.That(map.Buckets[^1].Phase, Is.EqualTo(order.EmbeddingBackward));
        Assert.That(map.Buckets.Count(bucket => bucket.Phase < order.EmbeddingBackward), Is.GreaterThan(map.Buckets.Count / 3), "most is under way early");
    }

    [Test]
    public void Weights_AreReadBehindTheFirstOfTheirBucket_EmbeddingFirst_HeadLast([Values] bool tied)
    {
        var catalogue = new ParameterCatalogue(Model with { TieEmbeddings = tied });
        ArenaMap map = Map(catalogue, 3, 7, 4 << 20);
        GradientBucket[] order = [.. map.ReadOrder.Select(number => map.Buckets[number])];
        Assert.That(order.Select(bucket => bucket.ReadPhase), Is.Ordered);
        Assert.That(order, Is.EquivalentTo(map.Buckets));
        foreach (GradientBucket bucket in order)
        {
            IEnumerable<int> phases = catalogue.Parameters
                .Where(parameter => parameter.Offset < bucket.Range.End && parameter.Offset + parameter.MemoryCount > bucket.Range.Start)
                .Select(parameter => parameter.ReadPhase);
            Assert.That(phases, Is.All.GreaterThanOrEqualTo(bucket.ReadPhase));
        }

        var phase = new Phases(Model.NLayers);
        Assert.That(order[0].ReadPhase, Is.EqualTo(phase.Embedding));
        Assert.That(order[^1].ReadPhase, Is.EqualTo(tied ? phase.Mlp(Model.NLayers - 1) : phase.Head));
        Assert.That(order.Count(bucket => !bucket.IsReadFirst), Is.GreaterThan(order.Length / 3), "most is gathered beside the forward pass");
    }

    [Test]
    public void AProcessAlone_HasTheCataloguesArena()
    {
        var catalogue = new ParameterCatalogue(Model);
        var map = new ArenaMap(catalogue, null, DataType.Float32);
        Assert.That((map.ArenaCount, map.ShareCount, map.Buckets.Count), Is.EqualTo((catalogue.ArenaCount, catalogue.ArenaCount, 0)));
    }

    private static ArenaMap Map(ParameterCatalogue catalogue, int rank, int world, long bucketBytes) =>
        new(catalogue, new RankLayout(rank, world) { BucketBytes = bucketBytes }, DataType.Float32);
}
