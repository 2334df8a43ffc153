using System;
using System.Collections.Generic;
using System.Linq;
using GptEngine.Engine.Data.Streaming;
using GptEngine.Runtime;
using NUnit.Framework;

namespace GptEngine.Tests.Data.Streaming;

public sealed class DataOrderTests
{
    private const int T = 5;

    // Tokens that leave a rest behind the last window, one that leaves exactly the last target, and none at all.
    [TestCase(1000, 1)]
    [TestCase(961, 2)]
    [TestCase(960, 3)]
    [TestCase(120, 1)]
    public void Read_Sequential_IsTheContractTokenByToken(int tokens, int worldSize)
    {
        const int MicroBatch = 4;
        const int AccBatchSize = 120;
        CountingTokens source = new(tokens, documentRate: 0.15);
        for (int rank = 0; rank < worldSize; rank++)
        {
            BatchSampler sampler = new(source, new()
            {
                ContextLength = T,
                MicroBatch = MicroBatch,
                AccBatchSize = AccBatchSize,
                WorldSize = worldSize,
                Rank = rank,
                DocumentToken = 0,
            });
            using TokenBatch batch = TokenBatch.Allocate(MicroBatch, T);
            Assert.That(sampler.StepsPerEpoch, Is.EqualTo(tokens / AccBatchSize));
            for (long q = 0; q < (2 * sampler.StepsPerEpoch) + 1; q++)
            {
                List<long> sequences = [.. SequencesOfRank(AccBatchSize / T, rank, worldSize)];
                long window = q % sampler.StepsPerEpoch * AccBatchSize;
                for (int m = 0; m < sampler.MicroSteps; m++)
                {
                    sampler.Read(sampler.PositionOf(q), m, batch);
                    for (int row = 0; row < MicroBatch; row++)
                    {
                        CheckRow(source, batch, row, window + (sequences[(m * MicroBatch) + row] * T));
                    }
                }
            }
        }
    }

    [Test]
    public void Read_AnyWorldSize_CoversTheSameSequencesInEachStep()
    {
        CountingTokens source = new(5000);
        foreach (DataOrder order in (DataOrder[])[DataOrder.Sequential, DataOrder.Shuffled])
        {
            int[][] expected = StepsOf(source, worldSize: 1, microBatch: 12, order);
            foreach ((int worldSize, int microBatch) in ((int, int)[])[(1, 1), (2, 6), (3, 4), (4, 3), (6, 1), (12, 2), (24, 1)])
            {
                Assert.That(StepsOf(source, worldSize, microBatch, order), Is.EqualTo(expected), $"{order}, {worldSize} ranks");
            }
        }
    }

    [Test]
    public void PositionOf_Shuffled_IsAPermutationOfEachEpochByItsOwn()
    {
        foreach (int windows in (int[])[1, 2, 3, 17, 64, 65, 1000])
        {
            BatchSampler sampler = Shuffled(windows, seed: 5);
            long[][] epochs = [.. Enumerable.Range(0, 3).Select(epoch =>
                Enumerable.Range(0, windows).Select(i => sampler.PositionOf(((long)epoch * windows) + i).Window).ToArray())];
            foreach (long[] epoch in epochs)
            {
                Assert.That(epoch.Order(), Is.EqualTo(Enumerable.Range(0, windows).Select(i => (long)i)));
            }

            if (windows > 16)
            {
                Assert.That(epochs[0], Is.Not.EqualTo(epochs[1]));
                Assert.That(epochs[0], Is.Not.EqualTo(epochs[0].Order()));
                BatchSampler other = Shuffled(windows, seed: 6);
                Assert.That(epochs[0], Is.Not.EqualTo(Enumerable.Range(0, windows).Select(i => other.PositionOf(i).Window)));
            }
        }
    }

    [Test]
    public void PositionOf_Shuffled_StaysAsItIs()
    {
        // A resumed run depends on it: changing the permutation changes the data of every shuffled run.
        BatchSampler sampler = Shuffled(10, seed: 1);
        Assert.That(
            Enumerable.Range(0, 20).Select(q => sampler.PositionOf(q).Window),
            Is.EqualTo(new long[] { 6, 3, 8, 0, 5, 4, 7, 1, 2, 9, 1, 0, 9, 5, 7, 6, 2, 4, 8, 3 }));
    }

    [Test]
    public void Read_DocumentMaskOff_HasNoDocumentStarts()
    {
        CountingTokens source = new(500, documentRate: 0.3);
        BatchSampler sampler = new(source, new() { ContextLength = 10, MicroBatch = 5, AccBatchSize = 100 });
        using TokenBatch batch = TokenBatch.Allocate(5, 10);
        batch.DocumentStarts.Fill(-1);
        sampler.Read(sampler.PositionOf(1), 1, batch);
        Assert.That(batch.DocumentStarts.ToArray(), Is.All.EqualTo(0));
    }

    [Test]
    public void Constructor_WhatDoesNotFit_IsAUserError()
    {
        CountingTokens source = new(100);
        TokenLoaderOptions good = new() { ContextLength = 5, MicroBatch = 2, AccBatchSize = 20, WorldSize = 2 };
        Assert.That(() => new BatchSampler(source, good), Throws.Nothing);
        TokenLoaderOptions[] bad =
        [
            good with { AccBatchSize = 30 }, good with { AccBatchSize = 120 }, good with { Rank = 2 }, good with { Rank = -1 },
            good with { MicroBatch = 0 }, good with { ContextLength = 0 }, good with { AccBatchSize = 0 }, good with { WorldSize = 0 },
            good with { ContextLength = int.MaxValue, MicroBatch = int.MaxValue, WorldSize = int.MaxValue },
        ];
        foreach (TokenLoaderOptions options in bad)
        {
            Assert.That(() => new BatchSampler(source, options), Throws.TypeOf<UserErrorException>(), options.ToString());
        }
    }

    [Test]
    public void EvaluationWindows_AllRanks_CoverTheStreamFromItsStartEachTime()
    {
        CountingTokens source = new(103, documentRate: 0.1);
        List<int> seen = [];
        for (int rank = 0; rank < 2; rank++)
        {
            EvaluationWindows windows = new(source, microBatch: 3, T, mostBatches: 100, worldSize: 2, rank, documentToken: 0);
            Assert.That(windows.BatchCount, Is.EqualTo(3));
            Assert.That(windows.TargetCount, Is.EqualTo(90));
            using TokenBatch batch = TokenBatch.Allocate(3, T);
            for (int i = 0; i < windows.BatchCount; i++)
            {
                windows.Read(i, batch);
                for (int row = 0; row < 3; row++)
                {
                    int sequence = rank + (((i * 3) + row) * 2);
                    CheckRow(source, batch, row, sequence * T);
                    seen.Add(sequence);
                }
            }
        }

        Assert.That(seen.Order(), Is.EqualTo(Enumerable.Range(0, 18)));
        Assert.That(() => new EvaluationWindows(source, 21, T, 1), Throws.TypeOf<UserErrorException>());
        Assert.That(new EvaluationWindows(source, 1, T, 7).BatchCount, Is.EqualTo(7));
    }

    [Test]
    public void SyntheticTokens_AnyStretch_IsTheSameAndWithinTheVocabulary()
    {
        SyntheticTokens source = new(10_000, 97, documentToken: 96, documentLength: 100, seed: 3);
        int[] all = new int[10_000];
        source.Read(0, all);
        int[] some = new int[1234];
        source.Read(777, some);
        Assert.That(some, Is.EqualTo(all[777..(777 + 1234)]));
        Assert.That(all, Is.All.InRange(0, 96));
        Assert.That(all.Where((_, i) => i % 100 == 0), Is.All.EqualTo(96));
        Assert.That(all.Distinct().Count(), Is.GreaterThan(90));
    }

    private static IEnumerable<long> SequencesOfRank(int sequences, int rank, int worldSize) =>
        Enumerable.Range(0, sequences).Where(s => s % worldSize == rank).Select(s => (long)s);

    private static void CheckRow(CountingTokens source, TokenBatch batch, int row, long start)
    {
        int documentStart = 0;
        for (int t = 0; t < T; t++)
        {
            int at = (row * T) + t;
            documentStart = source[start + t] == 0 ? t : documentStart;
            Assert.That(batch.Inputs[at], Is.EqualTo(source[start + t]));
            Assert.That(batch.Targets[at], Is.EqualTo(source[(start + t + 1) % source.Count]));
            Assert.That(batch.DocumentStarts[at], Is.EqualTo(documentStart));
        }
    }

    private static int[][] StepsOf(CountingTokens source, int worldSize, int microBatch, DataOrder order)
    {
        const int AccBatchSize = 24 * T;
        List<int>[] steps = [.. Enumerable.Range(0, 50).Select(_ => new List<int>())];
        using TokenBatch batch = TokenBatch.Allocate(microBatch, T);
        for (int rank = 0; rank < worldSize; rank++)
        {
            BatchSampler sampler = new(source, new()
            {
                ContextLength = T,
                MicroBatch = microBatch,
                AccBatchSize = AccBatchSize,
                WorldSize = worldSize,
                Rank = rank,
                Order = order,
            });
            for (int q = 0; q < steps.Length; q++)
            {
                for (int m = 0; m < sampler.MicroSteps; m++)
                {
                    sampler.Read(sampler.PositionOf(q), m, batch);
                    steps[q].AddRange(batch.Inputs);
                }
            }
        }

        return [.. steps.Select(step => step.Order().ToArray())];
    }

    private static BatchSampler Shuffled(int windows, ulong seed) =>
        new(new CountingTokens(windows * T), new() { ContextLength = T, MicroBatch = 1, AccBatchSize = T, Order = DataOrder.Shuffled, Seed = seed });
}
