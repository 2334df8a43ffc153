using System;
using System.Linq;
using System.Threading;
using GptEngine.Runtime;
using GptEngine.Runtime.Communication;
using GptEngine.Runtime.Cuda;
using GptEngine.Runtime.Devices;
using GptEngine.Runtime.Memory;
using GptEngine.Runtime.Simulator.Driver;
using NUnit.Framework;

namespace GptEngine.Tests.Communication;

/// <summary>Collectives and control among threads: the reference of the transports between processes.</summary>
public sealed class LocalRanksTests
{
    private static readonly RankLimits Short = RankLimits.Default with { Collective = TimeSpan.FromSeconds(1), Meeting = TimeSpan.FromSeconds(1) };

    private static readonly int[] Counts = [1, 2, 97, 2049, 6151];

    [Test]
    public void Collectives_OnTheCpu_MatchPlainSums([ValueSource(typeof(CollectiveCases), nameof(CollectiveCases.Worlds))] int worldSize) =>
        LocalRanks.Run(worldSize, _ => new CpuDevice(1), CheckAll);

    [TestCase(1)]
    [TestCase(3)]
    public void Collectives_OnTheSimulatedGpu_MatchPlainSums(int worldSize) => LocalRanks.Run(worldSize, _ => Simulated(), CheckAll);

    [TestCase(false)]
    [TestCase(true)]
    public void CapturedCollectives_AreDoneAgainWithEachReplay(bool simulated)
    {
        LocalRanks.Run(2, _ => simulated ? Simulated() : new CpuDevice(1), (group, device) =>
        {
            using var array = new DeviceArray(device, DataType.Float32, 5);
            array.Fill(_ => group.Rank + 1);
            using CapturedWork work = device.Capture("sums", () =>
            {
                group.Collectives.Follow();
                group.Collectives.AllReduce(array.Tensor);
                group.Collectives.Join();
            });
            Assert.That(group.Collectives.WorldSize, Is.EqualTo(2));
            Assert.That(array.Read(), Is.All.EqualTo(group.Rank + 1), "capturing runs nothing");
            work.Launch();
            Assert.That(array.Read(), Is.All.EqualTo(3));
            work.Launch();
            Assert.That(array.Read(), Is.All.EqualTo(6));
        });
    }

    [Test]
    public void Shard_InPlace_GivesTheSameBits()
    {
        const int count = 1000;
        LocalRanks.Run(4, _ => new CpuDevice(1), (group, device) =>
        {
            using var whole = new DeviceArray(device, DataType.Float32, 4 * count);
            whole.Fill(i => CollectiveCases.Element(5, group.Rank, i, DataType.Float32));
            Tensor shard = whole.Tensor.View("shard", group.Rank * count, count);
            group.Collectives.Follow();
            group.Collectives.ReduceScatter(whole.Tensor, shard);
            group.Collectives.AllGather(shard, whole.Tensor);
            group.Collectives.Join();
            Assert.That(whole.FirstDifference("in place", i => CollectiveCases.Sum(5, 4, (int)(i / count), i, DataType.Float32)), Is.Null);
        });
    }

    [Test]
    public void Messages_ReachEveryRank()
    {
        LocalRanks.Run(3, _ => new CpuDevice(1), (group, _) =>
        {
            for (byte round = 0; round < 20; round++)
            {
                byte[][] all = [.. group.Control.AllGather("the test", [round, (byte)group.Rank])];
                Assert.That(all, Is.EqualTo(Enumerable.Range(0, 3).Select(rank => new[] { round, (byte)rank })));
            }

            group.Control.Barrier("the end");
        });
    }

    [Test]
    public void MissingRank_IsNamedWithItsLastWords()
    {
        UserErrorException late = Assert.Throws<UserErrorException>(() => LocalRanks.Run(
            3,
            _ => new CpuDevice(1),
            (group, _) =>
            {
                group.Control.Report($"step 12, rank {group.Rank} reads tokens");
                if (group.Rank == 2)
                {
                    WaitForFailure(group);
                }
                else
                {
                    group.Control.Barrier("the checkpoint of step 12");
                }
            },
            Short))!;

        // On a busy machine another may not have come in time either, and is named with it.
        Assert.That(late.Message, Does.Match(@"for the checkpoint of step 12; missing: (rank [01] on .*, )?rank 2 on host").And.Contain("step 12, rank 2 reads tokens"));
    }

    [Test]
    public void HungCollective_IsAbortedAndTheAbsentRankNamed()
    {
        UserErrorException late = Assert.Throws<UserErrorException>(() => LocalRanks.Run(
            3,
            _ => new CpuDevice(1),
            (group, device) =>
            {
                group.Control.Report("step 7");
                using var array = new DeviceArray(device, DataType.Float32, 1000);
                if (group.Rank == 1)
                {
                    WaitForFailure(group);
                    Assert.Throws<UserErrorException>(group.Collectives.ThrowIfFailed);
                    return;
                }

                group.Collectives.AllReduce(array.Tensor);
                group.Collectives.Join();
            },
            Short))!;
        Assert.That(late.Message, Does.Match(@"the all-reduce of 1000 fp32 \(collective 1\): not come to it ha(s|ve) (rank 0 on .*, )?rank 1 on").And.Contain("step 7"));
    }

    [Test]
    public void DifferentCollectives_AreSaidToBe()
    {
        UserErrorException differing = Assert.Throws<UserErrorException>(() => LocalRanks.Run(2, _ => new CpuDevice(1), (group, device) =>
        {
            using var array = new DeviceArray(device, DataType.Float32, 10 + group.Rank);
            group.Collectives.AllReduce(array.Tensor);
            group.Collectives.Join();
        }))!;
        Assert.That(differing.Message, Does.Contain("all-reduce of 10 fp32").And.Contain("all-reduce of 11 fp32"));
    }

    [Test]
    public void FailingRank_EndsAllWithItsReason()
    {
        InvalidOperationException first = Assert.Throws<InvalidOperationException>(() => LocalRanks.Run(3, _ => new CpuDevice(1), (group, device) =>
        {
            if (group.Rank == 2)
            {
                throw new InvalidOperationException("the disk is full");
            }

            using var array = new DeviceArray(device, DataType.Float32, 10);
            UserErrorException other = Assert.Throws<UserErrorException>(() =>
            {
                group.Collectives.AllReduce(array.Tensor);
                group.Collectives.Join();
            })!;
            Assert.That(other.Message, Does.Contain("rank 2").And.Contain("the disk is full"));
            throw other;
        }))!;
        Assert.That(first.Message, Is.EqualTo("the disk is full"));
    }

    [Test]
    public void UnfitTensors_AreRefused()
    {
        LocalRanks.Run(1, _ => new CpuDevice(1), (group, device) =>
        {
            using var array = new DeviceArray(device, DataType.Float32, 10);
            var tokens = new Tensor("tokens", DataType.Int32, array.Tensor.Address, 10);
            Assert.Throws<ArgumentException>(() => group.Collectives.AllReduce(tokens));
            Assert.Throws<ArgumentException>(() => group.Collectives.ReduceScatter(array.Tensor, array.Tensor.View("part", 0, 5)));
            Assert.Throws<ArgumentOutOfRangeException>(() => group.Collectives.Broadcast(array.Tensor, 1));
            group.Collectives.Broadcast(tokens, 0);
            group.Collectives.Join();
        });
    }

    [Test]
    public void Collective_OnTheCpu_AllocatesNothing()
    {
        LocalRanks.Run(1, _ => new CpuDevice(1), (group, device) =>
        {
            using var array = new DeviceArray(device, DataType.Float32, 10);
            for (int warm = 0; warm < 3; warm++)
            {
                Collect(group, array);
            }

            long before = GC.GetAllocatedBytesForCurrentThread();
            for (int step = 0; step < 100; step++)
            {
                Collect(group, array);
            }

            Assert.That(GC.GetAllocatedBytesForCurrentThread() - before, Is.Zero);
        });
    }

    private static void Collect(RankGroup group, DeviceArray array)
    {
        group.Collectives.Follow();
        group.Collectives.AllReduce(array.Tensor);
        group.Collectives.Join();
        group.Collectives.ThrowIfFailed();
    }

    private static void CheckAll(RankGroup group, Device device)
    {
        foreach (DataType type in CollectiveCases.Types)
        {
            foreach (int count in Counts)
            {
                Assert.That(CollectiveCases.Check(group, device, type, count, seed: count), Is.Null);
            }
        }
    }

    private static void WaitForFailure(RankGroup group)
    {
        using var failed = new ManualResetEventSlim();
        group.Control.WhenFailed(_ => failed.Set());
        failed.Wait();
    }

    private static GpuDevice Simulated() => new(new SimulatedDriver(SimulatedGpus.ByArchitecture(80), new SimulatorOptions { HostThreads = 1 }));
}
