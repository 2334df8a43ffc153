using System;
using System.Collections.Generic;
using System.Runtime.InteropServices;
using GptEngine.Engine.Configuration;
using GptEngine.Runtime;
using GptEngine.Runtime.Communication;
using GptEngine.Runtime.Devices;
using GptEngine.Runtime.Memory;
using GptEngine.Runtime.Native;

namespace GptEngine.Engine.SelfTesting;

/// <summary>
/// Collectives of a world of one rank: on a GPU NCCL's, by the same path as among many, on their own stream, eagerly and inside a replayed graph.
/// What one rank sums must come out bit by bit.
/// </summary>
internal static class CollectivePart
{
    public const string Name = "ranks";

    private const string OneRank = "collectives of one";
    private const int Count = 100_003;

    public static IEnumerable<SelfTestRow> Run(SelfTestMachine machine, SelfTestPlan plan)
    {
        if (plan.Wants($"{Name} {EnumNames.Of(Precision.Fp32)} {OneRank}"))
        {
            yield return Run(machine);
        }
    }

    private static SelfTestRow Run(SelfTestMachine machine)
    {
        if (machine.Kind == SelfTestDevice.Gpu && NativeLibraries.TryOpen(NativeLibraryName.Nccl) is { IsOpen: false } missing)
        {
            return Row(true, null, $"not looked at: {missing.Describe()}");
        }

        using var opened = new OpenedOperations(machine.Open(Precision.Fp32, true));
        try
        {
            Device device = opened.Operations.Device;
            var alone = RankEnvironment.Alone("this host");
            using RankControl control = RankGroups.Meet(alone, new RunIdentity([]));
            using Communicator collectives = RankGroups.Connect(control, alone, device);
            long wrong = 0;
            foreach (DataType type in (ReadOnlySpan<DataType>)[DataType.Float32, DataType.Float16, DataType.BFloat16, DataType.Float64])
            {
                wrong += WrongElements(device, collectives, type);
            }

            return Row(wrong == 0, wrong, $"{collectives.Transport}, eagerly and in a graph");
        }
        catch (UserErrorException failed)
        {
            return Row(false, null, failed.Message);
        }
    }

    private static SelfTestRow Row(bool passes, double? wrong, string note) =>
        new(Name, Precision.Fp32, OneRank, "", passes, wrong, wrong is null ? null : 0, note);

    /// <summary>How many elements do not come through a reduce-scatter and an all-gather as they were: enqueued once, and then in a graph.</summary>
    private static long WrongElements(Device device, Communicator collectives, DataType type)
    {
        int size = type.SizeInBytes();
        using DeviceMemory memory = device.Allocate(3L * Count * size);
        using PinnedBuffer host = device.AllocatePinned((long)Count * size);
        var all = new Tensor("collectives", type, memory.Address, 3, Count);
        Tensor source = all.View("collectives.source", 0, Count);
        Tensor shard = all.View("collectives.shard", Count, Count);
        Tensor target = all.View("collectives.target", 2L * Count, Count);
        Span<byte> bytes = host.AsSpan<byte>(0, Count * size);
        byte[] expected = Elements(type);

        void Collect()
        {
            collectives.Follow();
            collectives.AllReduce(source);
            collectives.ReduceScatter(source, shard);
            collectives.AllGather(shard, target);
            collectives.Broadcast(target, 0);
            collectives.Join();
        }

        expected.CopyTo(bytes);
        device.Upload(host, 0, source);
        device.Synchronize();
        Collect();
        long wrong = Wrong(device, target, host, expected, size);

        bytes.Clear();
        device.Upload(host, 0, shard);
        device.Upload(host, 0, target);
        device.Synchronize();
        using (CapturedWork work = device.Capture("collectives", Collect))
        {
            work.Launch();
            work.Launch();
            wrong += Wrong(device, target, host, expected, size);
        }

        collectives.ThrowIfFailed();
        return wrong;
    }

    private static long Wrong(Device device, Tensor target, PinnedBuffer host, byte[] expected, int size)
    {
        device.Download(target, host, 0);
        device.Synchronize();
        ReadOnlySpan<byte> actual = host.AsSpan<byte>(0, expected.Length);
        long wrong = 0;
        for (int at = 0; at < expected.Length; at += size)
        {
            wrong += actual.Slice(at, size).SequenceEqual(expected.AsSpan(at, size)) ? 0 : 1;
        }

        return wrong;
    }

    /// <summary>Finite elements that use the whole mantissa.</summary>
    private static byte[] Elements(DataType type)
    {
        var bytes = new byte[Count * type.SizeInBytes()];
        for (int i = 0; i < Count; i++)
        {
            switch (type.SizeInBytes())
            {
                case sizeof(ushort):
                    MemoryMarshal.Cast<byte, ushort>(bytes.AsSpan())[i] = (ushort)(0x3C00 + (i % 0x400));
                    break;
                case sizeof(uint):
                    MemoryMarshal.Cast<byte, uint>(bytes.AsSpan())[i] = 0x3F80_0000 + (uint)(i * 83);
                    break;
                default:
                    MemoryMarshal.Cast<byte, ulong>(bytes.AsSpan())[i] = 0x3FF0_0000_0000_0000 + ((ulong)i * 45_000_000_019);
                    break;
            }
        }

        return bytes;
    }
}
