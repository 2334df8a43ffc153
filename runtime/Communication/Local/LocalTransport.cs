using System;
using GptEngine.Runtime.Communication.Host;
using GptEngine.Runtime.Memory;

namespace GptEngine.Runtime.Communication.Local;

/// <summary>Collectives between threads: each rank sums its part out of the memory of all.</summary>
internal sealed unsafe class LocalTransport(LocalExchange exchange, int rank) : HostTransport
{
    // Sums stay in the processor's first caches while every rank's part is added.
    private const int SliceElements = 2048;

    private readonly HostMemory _sum = HostMemory.Allocate(SliceElements * sizeof(double));

    internal override string Name => "memory of one process, for tests";

    internal override void Run(in HostCollective collective)
    {
        exchange.Open(rank, collective);
        switch (collective.Kind)
        {
            case CollectiveKind.AllReduce:
                (long first, long count) = HostCollective.Part(collective.Count, rank, exchange.WorldSize);
                SumPart(collective.Type, first, count, toAll: true);
                break;
            case CollectiveKind.ReduceScatter:
                SumPart(collective.Type, rank * collective.Count, collective.Count, toAll: false);
                break;
            case CollectiveKind.AllGather:
                for (int part = 0; part < exchange.WorldSize; part++)
                {
                    long bytes = collective.Count * collective.Type.SizeInBytes();
                    Copy(exchange[part].SourceBytes, collective.TargetBytes + (part * bytes), bytes);
                }

                break;
            case CollectiveKind.Broadcast:
                Copy(exchange[collective.Root].SourceBytes, collective.TargetBytes, collective.Count * collective.Type.SizeInBytes());
                break;
        }

        exchange.Close(rank);
    }

    internal override void Abort(string reason) => exchange.Abort(reason);

    public override void Dispose()
    {
        exchange.Leave(rank);
        _sum.Dispose();
    }

    /// <summary>Only this rank reads or writes these elements of any rank's tensor, so a slice may be written before the next is read.</summary>
    private void SumPart(DataType type, long first, long count, bool toAll)
    {
        int size = type.SizeInBytes();
        int world = exchange.WorldSize;
        for (long at = 0; at < count; at += SliceElements)
        {
            int some = (int)Math.Min(SliceElements, count - at);
            long offset = (first + at) * size;
            WideElements.Load(type, exchange[(rank + 1) % world].SourceBytes + offset, _sum.Pointer, some);
            for (int step = 2; step <= world; step++)
            {
                WideElements.Add(type, exchange[(rank + step) % world].SourceBytes + offset, _sum.Pointer, some);
            }

            if (!toAll)
            {
                WideElements.Store(type, _sum.Pointer, exchange[rank].TargetBytes + (at * size), some);
                continue;
            }

            for (int other = 0; other < world; other++)
            {
                WideElements.Store(type, _sum.Pointer, exchange[other].TargetBytes + offset, some);
            }
        }
    }

    private static void Copy(byte* source, byte* target, long bytes)
    {
        if (source != target)
        {
            Buffer.MemoryCopy(source, target, bytes, bytes);
        }
    }
}
