using System;
using System.Collections.Generic;
using System.Linq;
using GptEngine.Runtime;
using GptEngine.Runtime.Communication;
using GptEngine.Runtime.Communication.Host;
using GptEngine.Runtime.Communication.Local;
using GptEngine.Runtime.Devices;
using GptEngine.Runtime.Memory;

namespace GptEngine.Tests.Communication;

/// <summary>
/// Collectives among threads that do as little as they must, as early and as late as they may, so that a wait that was forgotten shows.
/// They work on memory of their own, which sees what the device has written only as of the last <see cref="Follow"/>; what they write reaches
/// the device at the next <see cref="Join"/> and is NaN until then. Who meanwhile writes what they read or write is told at that Join.
/// </summary>
internal sealed unsafe class DelayedCommunicator : Communicator
{
    private const byte Poison = 0xFF;

    private readonly RankControl _control;
    private readonly LocalTransport _transport;
    private readonly HostAccess _access;
    private readonly List<Region> _regions = [];
    private readonly List<Span> _results = [];
    private readonly List<(Span Place, byte[] Content)> _sources = [];

    internal DelayedCommunicator(RankControl control, LocalExchange exchange, Device device)
    {
        _control = control;
        _transport = new LocalTransport(exchange, control.Rank);
        _access = new HostAccess(device);
        control.WhenFailed(exchange.Abort);
    }

    public override int Rank => _control.Rank;

    public override int WorldSize => _control.WorldSize;

    public override string Transport => "late and early, for tests";

    /// <summary>For each rank of a run one of these in place of the communicator that it has.</summary>
    internal static Func<RankGroup, Device, Communicator> For(int worldSize)
    {
        var exchange = new LocalExchange(worldSize);
        return (group, device) => new DelayedCommunicator(group.Control, exchange, device);
    }

    public override void Follow() => InOrder(() =>
    {
        foreach (Region region in _regions)
        {
            foreach (Span span in Without(new Span(region.Start, region.Bytes), _results))
            {
                OnDevice(span).CopyTo(Seen(span));
            }
        }
    });

    public override void Join() => InOrder(() =>
    {
        foreach ((Span place, byte[] content) in _sources)
        {
            Require(OnDevice(place).SequenceEqual(content), "what a collective reads was written before it had ended");
        }

        foreach (Span place in _results)
        {
            Require(OnDevice(place).IndexOfAnyExcept(Poison) < 0, "what a collective writes was written before it had ended");
        }

        // Some are the results of several collectives: all are checked before the first of them is there.
        foreach (Span place in _results)
        {
            Seen(place).CopyTo(OnDevice(place));
        }

        _sources.Clear();
        _results.Clear();
    });

    public override void AllReduce(Tensor tensor)
    {
        CollectiveChecks.Summable(tensor);
        Enqueue(CollectiveKind.AllReduce, tensor, tensor, tensor.Count);
    }

    public override void ReduceScatter(Tensor tensor, Tensor shard)
    {
        CollectiveChecks.Shard(tensor, shard, Rank, WorldSize);
        Enqueue(CollectiveKind.ReduceScatter, tensor, shard, shard.Count);
    }

    public override void AllGather(Tensor shard, Tensor tensor)
    {
        CollectiveChecks.Shard(tensor, shard, Rank, WorldSize);
        Enqueue(CollectiveKind.AllGather, shard, tensor, shard.Count);
    }

    public override void Broadcast(Tensor tensor, int root) => Enqueue(CollectiveKind.Broadcast, tensor, tensor, tensor.Count, root);

    public override void ThrowIfFailed() => _control.ThrowIfFailed();

    public override void Abort(string reason) => _control.Fail(reason);

    protected override void Dispose(bool disposing) => _transport.Dispose();

    private void Enqueue(CollectiveKind kind, Tensor source, Tensor target, long count, int root = 0)
    {
        Know(source);
        Know(target);
        Span from = SpanOf(source), to = SpanOf(target);
        InOrder(() => Run(kind, source.Type, count, root, from, to));
    }

    private void Run(CollectiveKind kind, DataType type, long count, int root, Span from, Span to)
    {
        fixed (byte* source = Seen(from))
        {
            fixed (byte* target = Seen(to))
            {
                _transport.Run(new HostCollective(kind, type, count, root) { Source = (nint)source, Target = (nint)target });
            }
        }

        // Of a gathering in place the own part, and a broadcast's root, are read and stay as they are.
        bool isReadOnly = kind == CollectiveKind.Broadcast && root == Rank;
        Span[] written = isReadOnly ? [] : kind == CollectiveKind.AllGather ? [.. Without(to, [from])] : [to];
        foreach (Span span in Without(from, [.. written, .. _results]))
        {
            _sources.Add((span, OnDevice(span).ToArray()));
        }

        foreach (Span span in written)
        {
            OnDevice(span).Fill(Poison);
            _results.Add(span);
        }
    }

    private void InOrder(Action action)
    {
        _control.ThrowIfFailed();
        if (_access.Stream is { } stream)
        {
            stream.AddCallback(action);
        }
        else
        {
            action();
        }
    }

    private static void Require(bool holds, string failure)
    {
        if (!holds)
        {
            throw new UserErrorException(failure);
        }
    }

    private static Span SpanOf(Tensor tensor) => new(tensor.Address, tensor.Bytes);

    /// <summary>What is left of a span without some others.</summary>
    private static IEnumerable<Span> Without(Span whole, IEnumerable<Span> others)
    {
        nuint at = whole.Start;
        foreach (Span other in others.Where(other => other.Start < whole.End && other.End > whole.Start).OrderBy(other => other.Start))
        {
            if (other.Start > at)
            {
                yield return new Span(at, (long)(other.Start - at));
            }

            at = other.End > at ? other.End : at;
        }

        if (at < whole.End)
        {
            yield return new Span(at, (long)(whole.End - at));
        }
    }

    private Span<byte> OnDevice(Span span)
    {
        Region region = RegionOf(span);
        return new Span<byte>((byte*)region.Host + (span.Start - region.Start), (int)span.Bytes);
    }

    private Span<byte> Seen(Span span)
    {
        Region region = RegionOf(span);
        return region.Seen.AsSpan((int)(span.Start - region.Start), (int)span.Bytes);
    }

    private Region RegionOf(Span span) => _regions.First(region => region.Start <= span.Start && span.End <= region.Start + (nuint)region.Bytes);

    /// <summary>Takes a tensor's memory among the regions, together with those that it overlaps.</summary>
    private void Know(Tensor tensor)
    {
        Span span = SpanOf(tensor);
        if (_regions.Any(region => region.Start <= span.Start && span.End <= region.Start + (nuint)region.Bytes))
        {
            return;
        }

        nint host = _access.Writing(tensor);
        Region[] touched = [.. _regions.Where(region => region.Start < span.End && region.Start + (nuint)region.Bytes > span.Start)];
        nuint start = touched.Select(region => region.Start).Append(span.Start).Min();
        nuint end = touched.Select(region => region.Start + (nuint)region.Bytes).Append(span.End).Max();
        nint first = host - (nint)(span.Start - start);
        var whole = new Region(start, (long)(end - start), first, new Span<byte>((byte*)first, (int)(end - start)).ToArray());
        foreach (Region region in touched)
        {
            region.Seen.CopyTo(whole.Seen.AsSpan((int)(region.Start - start)));
            _regions.Remove(region);
        }

        _regions.Add(whole);
    }

    private readonly record struct Span(nuint Start, long Bytes)
    {
        public nuint End => Start + (nuint)Bytes;
    }

    private sealed record Region(nuint Start, long Bytes, nint Host, byte[] Seen);
}
