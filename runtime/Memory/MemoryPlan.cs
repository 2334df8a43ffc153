using System;
using System.Collections.Generic;
using System.Linq;

namespace GptEngine.Runtime.Memory;

/// <summary>
/// All device memory of a program, planned before any of it is taken. Tensors are asked for with the span of phases in which they
/// live; those of one category whose spans do not meet may share the same bytes. <see cref="Solve"/> places them; <see cref="Bind"/>
/// gives them their addresses in one block per category.
/// </summary>
public sealed class MemoryPlan
{
    /// <summary>Every tensor starts on such a boundary: wide enough for any vector load and a cuBLASLt operand.</summary>
    public const long Alignment = 256;

    private const double LargestTensor = 1L << 47;

    private readonly List<Request> _requests = [];
    private bool _solved;

    /// <summary>A tensor for the whole life of the program.</summary>
    public Tensor Persistent(string name, MemoryCategory category, DataType type, params ReadOnlySpan<long> shape) =>
        Add(name, category, type, int.MinValue, int.MaxValue, shape);

    /// <summary>A tensor that lives from phase <paramref name="first"/> to phase <paramref name="last"/>, both included.</summary>
    public Tensor Transient(string name, MemoryCategory category, DataType type, int first, int last, params ReadOnlySpan<long> shape)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(first, last);
        return Add(name, category, type, first, last, shape);
    }

    /// <summary>Bytes that a category takes once placed.</summary>
    public long BytesOf(MemoryCategory category) =>
        Solve()._requests.Where(r => r.Category == category).Select(r => r.Offset + r.Bytes).DefaultIfEmpty(0).Max();

    /// <summary>Bytes that the whole plan takes.</summary>
    public long TotalBytes => Enum.GetValues<MemoryCategory>().Sum(BytesOf);

    /// <summary>Every tensor with its category, byte offset in that category's block and size, for the memory table.</summary>
    public IEnumerable<(Tensor Tensor, MemoryCategory Category, long OffsetBytes, long Bytes)> Placements =>
        Solve()._requests.Select(r => (r.Tensor, r.Category, r.Offset, r.Bytes));

    /// <summary>Places every tensor: largest first, each at the lowest offset that no tensor alive at the same time occupies.</summary>
    public MemoryPlan Solve()
    {
        if (_solved)
        {
            return this;
        }

        foreach (IGrouping<MemoryCategory, Request> group in _requests.GroupBy(r => r.Category))
        {
            // Persistent tensors keep the order they were asked for: the parameter arena's order is the optimizer's.
            long end = 0;
            foreach (Request request in group.Where(r => r.IsPersistent))
            {
                request.Offset = end;
                end += request.Bytes;
            }

            var placed = new List<Request>();
            foreach (Request request in group.Where(r => !r.IsPersistent).OrderByDescending(r => r.Bytes))
            {
                Place(request, end, placed);
            }
        }

        _solved = true;
        return this;
    }

    /// <summary>Gives every tensor its address, within one block for each category that <paramref name="allocate"/> returns.</summary>
    /// <param name="allocate">Takes the category and its bytes, returns the block's address, aligned to <see cref="Alignment"/>.</param>
    public void Bind(Func<MemoryCategory, long, nuint> allocate)
    {
        ArgumentNullException.ThrowIfNull(allocate);
        foreach (IGrouping<MemoryCategory, Request> group in Solve()._requests.GroupBy(r => r.Category))
        {
            nuint block = allocate(group.Key, BytesOf(group.Key));
            foreach (Request request in group)
            {
                request.Tensor.Bind(block + (nuint)request.Offset);
            }
        }
    }

    private static void Place(Request request, long start, List<Request> placed)
    {
        long offset = start;
        foreach (Request other in placed)
        {
            // 'placed' is sorted by offset: the first gap that is wide enough is the lowest.
            if (other.Overlaps(request))
            {
                if (other.Offset - offset >= request.Bytes)
                {
                    break;
                }

                offset = Math.Max(offset, other.Offset + other.Bytes);
            }
        }

        request.Offset = offset;
        int index = placed.FindIndex(r => r.Offset > offset);
        placed.Insert(index < 0 ? placed.Count : index, request);
    }

    private Tensor Add(string name, MemoryCategory category, DataType type, int first, int last, ReadOnlySpan<long> shape)
    {
        if (_solved)
        {
            throw new InvalidOperationException($"{name}: the memory plan is already solved");
        }

        RequirePossible(name, type, shape);
        var tensor = new Tensor(name, type, 0, shape);
        long bytes = (Math.Max(tensor.Bytes, 1) + Alignment - 1) / Alignment * Alignment;
        _requests.Add(new Request(tensor, category, first, last, bytes));
        return tensor;
    }

    // 128 TiB: what a process can address. Sums over any number of tensors then stay far from overflowing.
    private static void RequirePossible(string name, DataType type, ReadOnlySpan<long> shape)
    {
        double bytes = type.SizeInBytes();
        foreach (long axis in shape)
        {
            bytes *= axis;
        }

        if (bytes > LargestTensor)
        {
            throw new UserErrorException(
                $"{name} would take {bytes / (1L << 40):N0} TiB, more than any machine has. Use a smaller model or micro-batch.", ExitCode.Usage);
        }
    }

    private sealed class Request(Tensor tensor, MemoryCategory category, int first, int last, long bytes)
    {
        public Tensor Tensor { get; } = tensor;

        public MemoryCategory Category { get; } = category;

        public long Bytes { get; } = bytes;

        public long Offset { get; set; }

        public bool IsPersistent => first == int.MinValue;

        public bool Overlaps(Request other) => first <= other.LastPhase && other.FirstPhase <= last;

        private int FirstPhase => first;

        private int LastPhase => last;
    }
}
