using System;
using System.Globalization;
using System.Text;

namespace GptEngine.Runtime.Memory;

/// <summary>
/// A named, row-major, contiguous view into planned device memory. Made once, when the memory is planned; a step only reads it.
/// The address is unknown (reading it throws) until the plan's memory has been allocated.
/// </summary>
public sealed class Tensor
{
    private readonly long[] _shape;
    private readonly Tensor? _parent;
    private readonly long _offsetBytes;
    private nuint _address;

    /// <summary>A tensor of its own at <paramref name="address"/>, or, with 0, one whose address comes later by <see cref="Bind"/>.</summary>
    public Tensor(string name, DataType type, nuint address, params ReadOnlySpan<long> shape)
    {
        Name = name;
        Type = type;
        _address = address;
        _shape = shape.ToArray();
        Count = CountOf(name, shape);
    }

    private Tensor(string name, Tensor parent, long offsetBytes, ReadOnlySpan<long> shape)
        : this(name, parent.Type, 0, shape)
    {
        _parent = parent;
        _offsetBytes = offsetBytes;
    }

    /// <summary>What it is, by its place in the model: <c>blocks.3.attention.qkv</c>.</summary>
    public string Name { get; }

    public DataType Type { get; }

    /// <summary>Elements in all.</summary>
    public long Count { get; }

    public long Bytes => Count * Type.SizeInBytes();

    public ReadOnlySpan<long> Shape => _shape;

    public int Rank => _shape.Length;

    /// <summary>The size of axis <paramref name="axis"/>; negative counts from the last.</summary>
    public long this[int axis] => _shape[axis < 0 ? _shape.Length + axis : axis];

    /// <summary>Whether the memory behind it exists yet.</summary>
    public bool IsBound => _parent?.IsBound ?? _address != 0;

    /// <summary>The device address of the first element.</summary>
    public nuint Address => _parent is { } parent
        ? parent.Address + (nuint)_offsetBytes
        : _address != 0 ? _address : throw new InvalidOperationException($"{Name}: its memory has not been allocated yet");

    /// <summary>Gives a planned tensor its address; once.</summary>
    public void Bind(nuint address)
    {
        if (_parent is not null || _address != 0 || address == 0)
        {
            throw new InvalidOperationException($"{Name}: a tensor is bound once, to a real address, and a view never");
        }

        _address = address;
    }

    /// <summary>Part of this tensor under another name and shape, from element <paramref name="offset"/> on.</summary>
    public Tensor View(string name, long offset, params ReadOnlySpan<long> shape)
    {
        long count = CountOf(name, shape);
        if (offset < 0 || offset > Count - count)
        {
            throw new ArgumentOutOfRangeException(nameof(offset), offset, $"{name}: {count} elements from {offset} are not all within {this}");
        }

        return new Tensor(name, this, offset * Type.SizeInBytes(), shape);
    }

    /// <summary>Rows <paramref name="first"/> to <paramref name="first"/> + <paramref name="count"/> of the first axis.</summary>
    public Tensor Rows(long first, long count)
    {
        Span<long> shape = stackalloc long[_shape.Length];
        _shape.CopyTo(shape);
        shape[0] = count;
        return View(Name, first * (Count / Math.Max(1, _shape[0])), shape);
    }

    /// <summary>Throws unless this tensor has the type and the shape that an operation needs; an axis of -1 accepts any size.</summary>
    /// <exception cref="ArgumentException">Says what was expected and what came.</exception>
    public void Expect(string argument, DataType type, params ReadOnlySpan<Axis> shape)
    {
        bool fits = Type == type && shape.Length == _shape.Length;
        for (int axis = 0; fits && axis < shape.Length; axis++)
        {
            fits = shape[axis].Accepts(_shape[axis]);
        }

        if (!fits)
        {
            throw new ArgumentException($"{argument}: expected {Describe(type, shape)}, got {Describe<long>(Type, _shape)} ({Name})", argument);
        }
    }

    public override string ToString() => $"{Name}: {Describe<long>(Type, _shape)}";

    private static string Describe<TAxis>(DataType type, ReadOnlySpan<TAxis> shape)
        where TAxis : struct
    {
        var text = new StringBuilder("(");
        for (int axis = 0; axis < shape.Length; axis++)
        {
            text.Append(axis == 0 ? "" : ", ").Append(CultureInfo.InvariantCulture, $"{shape[axis]}");
        }

        return text.Append(") ").Append(type.ShortName()).ToString();
    }

    private static long CountOf(string name, ReadOnlySpan<long> shape)
    {
        long count = 1;
        foreach (long size in shape)
        {
            ArgumentOutOfRangeException.ThrowIfNegative(size, name);
            count = checked(count * size);
        }

        return count;
    }
}
