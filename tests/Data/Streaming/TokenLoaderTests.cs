using System;
using System.Linq;
using GptEngine.Engine.Data.Streaming;
using GptEngine.Runtime;
using NUnit.Framework;

namespace GptEngine.Tests.Data.Streaming;

public sealed class TokenLoaderTests
{
    private static readonly TokenLoaderOptions Options = new() { ContextLength = 8, MicroBatch = 2, AccBatchSize = 64, DocumentToken = 0 };

    [TestCase(0)]
    [TestCase(7)]
    public void Next_FromAnyStep_GivesTheSamplersBatchesInOrder(int firstStep)
    {
        BatchSampler sampler = new(new CountingTokens(300, documentRate: 0.2), Options);
        using TokenBatch expected = TokenBatch.Allocate(2, 8);
        using TokenBatch a = TokenBatch.Allocate(2, 8);
        using TokenBatch b = TokenBatch.Allocate(2, 8);
        using TokenBatch c = TokenBatch.Allocate(2, 8);
        using TokenLoader loader = new(sampler, [a, b, c], firstStep, steps: 9);
        for (int q = firstStep; q < firstStep + 9; q++)
        {
            for (int m = 0; m < sampler.MicroSteps; m++)
            {
                TokenBatch batch = loader.Next();
                sampler.Read(sampler.PositionOf(q), m, expected);
                Assert.That(batch.Inputs.SequenceEqual(expected.Inputs), Is.True);
                Assert.That(batch.Targets.SequenceEqual(expected.Targets), Is.True);
                Assert.That(batch.DocumentStarts.SequenceEqual(expected.DocumentStarts), Is.True);
                Assert.That((batch.Position.Step, batch.MicroStep), Is.EqualTo(((long)q, m)));
                loader.Release();
            }
        }

        Assert.That(loader.Next, Throws.InvalidOperationException);
    }

    [Test]
    public void Next_BadToken_ComesAfterTheGoodBatchesAndEachTime()
    {
        BatchSampler sampler = new(new CountingTokens(300, badAt: 40), Options);
        TokenBatch[] ring = [.. Enumerable.Range(0, 6).Select(_ => TokenBatch.Allocate(2, 8))];
        using (TokenLoader loader = new(sampler, ring))
        {
            loader.Next();
            loader.Next();
            Assert.That(loader.Next, Throws.TypeOf<UserErrorException>());
            Assert.That(loader.Next, Throws.TypeOf<UserErrorException>());
        }

        Array.ForEach(ring, batch => batch.Dispose());
    }

    [Test]
    public void Next_OnceRunning_AllocatesNothingManaged()
    {
        BatchSampler sampler = new(new SyntheticTokens(100_000, 1000), Options);
        using TokenBatch a = TokenBatch.Allocate(2, 8);
        using TokenBatch b = TokenBatch.Allocate(2, 8);
        using TokenLoader loader = new(sampler, [a, b]);
        Take(loader, 200);
        long before = GC.GetAllocatedBytesForCurrentThread();
        Take(loader, 1000);
        Assert.That(GC.GetAllocatedBytesForCurrentThread() - before, Is.Zero);
    }

    [Test]
    public void Read_BySampler_AllocatesNothingManaged()
    {
        BatchSampler sampler = new(new SyntheticTokens(100_000, 1000), Options with { Order = DataOrder.Shuffled });
        using TokenBatch batch = TokenBatch.Allocate(2, 8);
        sampler.Read(sampler.PositionOf(0), 0, batch);
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int q = 0; q < 100; q++)
        {
            sampler.Read(sampler.PositionOf(q), 1, batch);
        }

        Assert.That(GC.GetAllocatedBytesForCurrentThread() - before, Is.Zero);
    }

    [Test]
    public void Dispose_WhileTheThreadWaits_Ends()
    {
        BatchSampler sampler = new(new CountingTokens(300), Options);
        using TokenBatch a = TokenBatch.Allocate(2, 8);
        using TokenBatch b = TokenBatch.Allocate(2, 8);
        TokenLoader loader = new(sampler, [a, b]);
        loader.Next();
        loader.Dispose();
        Assert.That(() => new TokenLoader(sampler, [a]), Throws.InstanceOf<ArgumentException>());
        using TokenBatch other = TokenBatch.Allocate(3, 8);
        Assert.That(() => new TokenLoader(sampler, [a, other]), Throws.ArgumentException.With.Message.Contains("(B=2, T=8)"));
    }

    private static void Take(TokenLoader loader, int batches)
    {
        for (int i = 0; i < batches; i++)
        {
            loader.Next();
            loader.Release();
        }
    }
}
