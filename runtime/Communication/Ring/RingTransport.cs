using System;
using System.Buffers.Binary;
using System.IO;
using System.Net.Sockets;
using System.Threading;
using GptEngine.Runtime.Communication.Host;
using GptEngine.Runtime.Memory;

namespace GptEngine.Runtime.Communication.Ring;

/// <summary>
/// Collectives between processes over TCP, in a ring and in slices: while one slice is received and added, the one before it travels on. It
/// exists for tests and for machines without GPUs. A sum's part b starts at rank b + 1 and goes around to rank b, as it is summed.
/// </summary>
internal sealed unsafe class RingTransport : HostTransport
{
    private const int SliceElements = 1 << 16;

    // Of the ranks together, those that wait for a slot hold more than there is to send; so one always receives.
    private const int Slots = 4;
    private const int HeaderBytes = 32;

    private readonly int _rank;
    private readonly int _worldSize;
    private readonly RingNeighbours _neighbours;
    private readonly RingSender _sender;
    private readonly HostMemory _slots = HostMemory.Allocate(Slots * SliceElements * sizeof(double));
    private readonly HostMemory _header = HostMemory.Allocate(2 * HeaderBytes);
    private long _number;
    private string? _aborted;

    internal RingTransport(int rank, int worldSize, RingNeighbours neighbours)
    {
        _rank = rank;
        _worldSize = worldSize;
        _neighbours = neighbours;
        _sender = new RingSender(neighbours.Next, Slots, SliceElements, neighbours.Dispose);
    }

    internal override string Name => "loopback over TCP, for tests";

    private int Before => (_rank + _worldSize - 1) % _worldSize;

    internal override void Run(in HostCollective collective)
    {
        try
        {
            Announce(collective);
            switch (collective.Kind)
            {
                case CollectiveKind.AllReduce:
                    Reduce(collective, even: false);
                    Gather(collective, even: false);
                    break;
                case CollectiveKind.ReduceScatter:
                    Reduce(collective, even: true);
                    break;
                case CollectiveKind.AllGather:
                    CopyOwnPart(collective);
                    Gather(collective, even: true);
                    break;
                default:
                    Spread(collective);
                    break;
            }

            // Once it has ended, the tensors are the caller's again.
            _sender.Flush();
        }
        catch (Exception failed) when (failed is SocketException or ObjectDisposedException)
        {
            throw new IOException(Volatile.Read(ref _aborted) ?? $"a connection to rank {Before} or {(_rank + 1) % _worldSize} has ended ({failed.Message})", failed);
        }
    }

    internal override void Abort(string reason)
    {
        Volatile.Write(ref _aborted, reason);
        _sender.Close();
        _neighbours.Dispose();
    }

    public override void Dispose()
    {
        _sender.Dispose();
        _neighbours.Dispose();
        _slots.Dispose();
        _header.Dispose();
    }

    /// <summary>Tells the next rank what comes, and checks that the one before means the same.</summary>
    private void Announce(in HostCollective collective)
    {
        Span<byte> header = new(_header.Pointer, HeaderBytes);
        header.Clear();
        BinaryPrimitives.WriteInt64LittleEndian(header, ++_number);
        BinaryPrimitives.WriteInt64LittleEndian(header[8..], collective.Count);
        BinaryPrimitives.WriteInt32LittleEndian(header[16..], collective.Root);
        header[20] = (byte)collective.Kind;
        header[21] = (byte)collective.Type;
        _sender.Send(_header.Pointer, HeaderBytes);

        Span<byte> theirs = new(_header.Pointer + HeaderBytes, HeaderBytes);
        Receive(_header.Pointer + HeaderBytes, HeaderBytes);
        if (!theirs.SequenceEqual(header))
        {
            var other = new HostCollective(
                (CollectiveKind)theirs[20], (DataType)theirs[21], BinaryPrimitives.ReadInt64LittleEndian(theirs[8..]), BinaryPrimitives.ReadInt32LittleEndian(theirs[16..]))
            {
                Source = 0,
                Target = 0,
            };
            string said = Enum.IsDefined(other.Kind) && Enum.IsDefined(other.Type) ? other.Describe() : "nothing known";
            throw new UserErrorException(
                $"every rank must do the same, and rank {_rank} has come to this: {collective.Describe()} (collective {_number}); "
                + $"rank {Before} to this: {said} (collective {BinaryPrimitives.ReadInt64LittleEndian(theirs)})");
        }
    }

    /// <summary>The sum of this rank's part, into its place.</summary>
    private void Reduce(in HostCollective collective, bool even)
    {
        DataType type = collective.Type;
        int size = type.SizeInBytes();
        (long first, long count) = Part(collective, Before, even);
        for (long at = 0; at < count && _worldSize > 1; at += SliceElements)
        {
            _sender.SendWide(type, collective.SourceBytes + ((first + at) * size), (int)Math.Min(SliceElements, count - at));
        }

        for (int step = 1; step < _worldSize; step++)
        {
            int part = (_rank + (2 * _worldSize) - 1 - step) % _worldSize;
            (first, count) = Part(collective, part, even);
            for (long at = 0; at < count; at += SliceElements)
            {
                int some = (int)Math.Min(SliceElements, count - at);
                int slot = _sender.TakeSlot();
                byte* sum = _slots.Pointer + ((long)slot * SliceElements * sizeof(double));
                Receive(sum, (long)some * WideElements.BytesOf(type));
                WideElements.Add(type, collective.SourceBytes + ((first + at) * size), sum, some);
                if (part != _rank)
                {
                    _sender.Send(sum, (long)some * WideElements.BytesOf(type), slot);
                    continue;
                }

                WideElements.Store(type, sum, collective.TargetBytes + ((at + (even ? 0 : first)) * size), some);
                _sender.FreeSlot(slot);
            }
        }
    }

    /// <summary>Every part but the own, which is in its place, into the tensor.</summary>
    private void Gather(in HostCollective collective, bool even)
    {
        int size = collective.Type.SizeInBytes();
        for (int step = 0; step < _worldSize; step++)
        {
            int part = (_rank + _worldSize - step) % _worldSize;
            (long first, long count) = Part(collective, part, even);
            for (long at = 0; at < count; at += SliceElements)
            {
                byte* slice = collective.TargetBytes + ((first + at) * size);
                long bytes = Math.Min(SliceElements, count - at) * size;
                if (step > 0)
                {
                    Receive(slice, bytes);
                }

                if (step < _worldSize - 1)
                {
                    _sender.Send(slice, bytes);
                }
            }
        }
    }

    private void Spread(in HostCollective collective)
    {
        int size = collective.Type.SizeInBytes();
        for (long at = 0; at < collective.Count; at += SliceElements)
        {
            byte* slice = collective.TargetBytes + (at * size);
            long bytes = Math.Min(SliceElements, collective.Count - at) * size;
            if (_rank != collective.Root)
            {
                Receive(slice, bytes);
            }

            if ((_rank + 1) % _worldSize != collective.Root)
            {
                _sender.Send(slice, bytes);
            }
        }
    }

    private void CopyOwnPart(in HostCollective collective)
    {
        long bytes = collective.Count * collective.Type.SizeInBytes();
        byte* place = collective.TargetBytes + (_rank * bytes);
        if (place != collective.SourceBytes)
        {
            Buffer.MemoryCopy(collective.SourceBytes, place, bytes, bytes);
        }
    }

    private (long First, long Count) Part(in HostCollective collective, int part, bool even) =>
        even ? (part * collective.Count, collective.Count) : HostCollective.Part(collective.Count, part, _worldSize);

    private void Receive(byte* target, long bytes)
    {
        var rest = new Span<byte>(target, checked((int)bytes));
        while (rest.Length > 0)
        {
            int received = _neighbours.Previous.Receive(rest);
            if (received == 0)
            {
                throw new SocketException((int)SocketError.ConnectionReset);
            }

            rest = rest[received..];
        }
    }
}
