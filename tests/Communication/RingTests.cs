using System;
using System.Linq;
using GptEngine.Runtime.Communication;
using GptEngine.Runtime.Cuda;
using GptEngine.Runtime.Devices;
using GptEngine.Runtime.Memory;
using GptEngine.Runtime.Simulator.Driver;
using NUnit.Framework;

namespace GptEngine.Tests.Communication;

/// <summary>Collectives over TCP, ranks being threads: the same bits as plain sums, and what happens when a rank does not play along.</summary>
public sealed class RingTests
{
    // One element, fewer than ranks, a prime, and just past a slice on every rank.
    private static readonly int[] Counts = [1, 2, 97, 2053];

    [Test]
    public void Collectives_MatchPlainSums([ValueSource(typeof(CollectiveCases), nameof(CollectiveCases.Worlds))] int worldSize)
    {
        Exception?[] failures = TcpRanks.RunConnected(worldSize, TcpRanks.Limits, (group, device) =>
        {
            foreach (DataType type in CollectiveCases.Types)
            {
                foreach (int count in Counts)
                {
                    Assert.That(CollectiveCases.Check(group, device, type, count, seed: count), Is.Null);
                }
            }
        });
        Assert.That(failures, Is.All.Null);
    }

    [TestCase(2, 3 * 65536 + 1)]
    [TestCase(3, 65537)]
    public void Collectives_OfManySlices_MatchPlainSums(int worldSize, int count)
    {
        Exception?[] failures = TcpRanks.RunConnected(worldSize, TcpRanks.Limits, (group, device) =>
        {
            Assert.That(CollectiveCases.Check(group, device, DataType.BFloat16, count, seed: 1), Is.Null);
            Assert.That(CollectiveCases.Check(group, device, DataType.Float32, count, seed: 2), Is.Null);
        });
        Assert.That(failures, Is.All.Null);
    }

    [Test]
    public void LargeCollective_WithoutAnyPause_DoesNotStall()
    {
        // More than sockets and slots hold together, all ranks at once.
        const int count = 12_000_000;
        Exception?[] failures = TcpRanks.RunConnected(2, TcpRanks.Limits, (group, device) =>
        {
            using DeviceMemory memory = device.Allocate(count * sizeof(float));
            var tensor = new Tensor("gradients", DataType.Float32, memory.Address, count);
            Span(tensor).Fill(group.Rank + 1);
            group.Collectives.AllReduce(tensor);
            group.Collectives.AllReduce(tensor);
            group.Collectives.Join();
            Assert.That(Span(tensor).IndexOfAnyExcept(6f), Is.EqualTo(-1));
        });
        Assert.That(failures, Is.All.Null);
    }

    [Test]
    public void CapturedCollectives_OnTheSimulatedGpu_AreDoneAgainWithEachReplay()
    {
        Exception?[] failures = TcpRanks.RunConnected(
            2,
            TcpRanks.Limits,
            (group, device) =>
            {
                using var array = new DeviceArray(device, DataType.Float32, 5);
                array.Fill(_ => group.Rank + 1);
                using CapturedWork work = device.Capture("sums", () =>
                {
                    group.Collectives.Follow();
                    group.Collectives.AllReduce(array.Tensor);
                    group.Collectives.Join();
                });
                work.Launch();
                work.Launch();
                Assert.That(array.Read(), Is.All.EqualTo(6));
            },
            () => new GpuDevice(new SimulatedDriver(SimulatedGpus.ByArchitecture(80), new SimulatorOptions { HostThreads = 1 })));
        Assert.That(failures, Is.All.Null);
    }

    [Test]
    public void HungCollective_IsAbortedEverywhereAndTheAbsentRankNamed()
    {
        RankLimits limits = TcpRanks.Limits with { Collective = TimeSpan.FromSeconds(1) };
        string?[] messages = TcpRanks.Messages(TcpRanks.RunConnected(3, limits, (group, device) =>
        {
            using var array = new DeviceArray(device, DataType.Float32, 1000);
            TcpRanks.Report(group.Control, $"step {group.Rank}");
            if (group.Rank == 1)
            {
                TcpRanks.WaitForFailure(group.Control);
            }

            group.Collectives.AllReduce(array.Tensor);
            group.Collectives.Join();
        }));

        // On a busy machine another may not have come in time either, and is named with it.
        Assert.That(messages, Is.All.Match(@"the all-reduce of 1000 fp32 \(collective 1\): not come to it ha(s|ve) (rank 0 on .*, )?rank 1 on host host1 \(it last said").And.All.Contains("step 1"));
    }

    [Test]
    public void RankThatFailsAmidCollectives_EndsAllWithItsReason()
    {
        string?[] messages = TcpRanks.Messages(TcpRanks.RunConnected(3, TcpRanks.Limits, (group, device) =>
        {
            using var array = new DeviceArray(device, DataType.Float32, 1000);
            for (int step = 0; step < 1000; step++)
            {
                if (group.Rank == 2 && step == 20)
                {
                    group.Collectives.Abort("out of memory");
                }

                group.Collectives.AllReduce(array.Tensor);
                group.Collectives.Join();
            }
        }));
        Assert.That(messages, Is.All.Contains("out of memory").And.All.Not.Contains("connection"));
    }

    [Test]
    public void RankThatLeavesTooEarly_IsNamed()
    {
        string?[] messages = TcpRanks.Messages(TcpRanks.RunConnected(3, TcpRanks.Limits, (group, device) =>
        {
            using var array = new DeviceArray(device, DataType.Float32, 1000);
            for (int step = 0; step < (group.Rank == 1 ? 2 : 3); step++)
            {
                group.Collectives.AllReduce(array.Tensor);
                group.Collectives.Join();
            }
        }));
        Assert.That(messages[1], Is.Null);
        Assert.That(messages.Where((_, rank) => rank != 1), Is.All.Contains("(collective 3): not come to it has rank 1 on host host1 (it has left the run)"));
    }

    [Test]
    public void DifferentCollectives_AreSaidToBe()
    {
        string?[] messages = TcpRanks.Messages(TcpRanks.RunConnected(2, TcpRanks.Limits, (group, device) =>
        {
            using var array = new DeviceArray(device, DataType.Float32, 10 + group.Rank);
            group.Collectives.AllReduce(array.Tensor);
            group.Collectives.Join();
        }));
        Assert.That(messages, Is.All.Contains("all-reduce of 10 fp32").And.All.Contains("all-reduce of 11 fp32"));
    }

    private static unsafe Span<float> Span(Tensor tensor) => new((void*)tensor.Address, checked((int)tensor.Count));
}
