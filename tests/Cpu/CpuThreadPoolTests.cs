using System;
using System.Linq;
using System.Threading;
using GptEngine.Runtime.Cpu;
using NUnit.Framework;

namespace GptEngine.Tests.Cpu;

public sealed unsafe class CpuThreadPoolTests
{
    [Test]
    public void Run_ManyCalls_EachItemOnce([Values(1, 2, 3, 4)] int threads)
    {
        using var pool = new CpuThreadPool(threads);
        var random = new Random(1);
        var counts = new int[200];
        fixed (int* p = counts)
        {
            for (int call = 0; call < 2000; call++)
            {
                int items = random.Next(0, counts.Length);
                Array.Clear(counts);
                if (call % 2 == 0)
                    pool.Run(items, new Counting(p), multiple: 1 + call % 5);
                else
                    pool.RunDynamic(items, new Counting(p), grain: 1 + call % 7);
                Assert.That(counts.Take(items), Is.All.EqualTo(1));
                Assert.That(counts.Skip(items), Is.All.Zero);
                // Long enough, now and then, for the workers to fall asleep.
                if (call % 200 == 0)
                    Thread.Sleep(2);
            }
        }
    }

    [Test]
    public void Run_WorkThrows_CallerSeesItAndPoolGoesOn()
    {
        using var pool = new CpuThreadPool(2);
        for (int i = 0; i < 100; i++)
            Assert.That(() => pool.RunDynamic(8, default(Throwing)), Throws.TypeOf<FormatException>());
        var counts = new int[8];
        fixed (int* p = counts)
            pool.RunDynamic(8, new Counting(p));
        Assert.That(counts, Is.All.EqualTo(1));
    }

    [Test]
    public void Run_Nested_Refused()
    {
        using var pool = new CpuThreadPool(2);
        Assert.That(() => pool.RunDynamic(4, new Nesting(pool)), Throws.InvalidOperationException);
    }

    [Test]
    public void Run_Disposed_Refused()
    {
        var pool = new CpuThreadPool(2);
        pool.Dispose();
        Assert.That(() => pool.RunDynamic(4, default(Throwing)), Throws.TypeOf<ObjectDisposedException>());
    }

    private readonly struct Counting(int* counts) : IParallelWork
    {
        public void Run(int begin, int end, int worker)
        {
            for (int i = begin; i < end; i++)
                Interlocked.Increment(ref counts[i]);
        }
    }

    private readonly struct Throwing : IParallelWork
    {
        public void Run(int begin, int end, int worker) => throw new FormatException("as asked");
    }

    private readonly struct Nesting(CpuThreadPool pool) : IParallelWork
    {
        public void Run(int begin, int end, int worker) => pool.RunDynamic(4, default(Throwing));
    }
}
