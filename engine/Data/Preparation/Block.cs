using System;
using System.Buffers;

namespace GptEngine.Engine.Data.Preparation;

/// <summary>A stretch of an input that can be worked on by itself; its bytes are rented and go back with <see cref="Dispose"/>.</summary>
internal readonly struct Block : IDisposable
{
    private readonly byte[] _rented;
    private readonly int _length;

    public Block(byte[] rented, int length, bool isFirst, bool isOversized)
    {
        _rented = rented;
        _length = length;
        IsFirst = isFirst;
        IsOversized = isOversized;
    }

    public ReadOnlySpan<byte> Bytes => _rented.AsSpan(0, _length);

    /// <summary>Whether the input starts with this block.</summary>
    public bool IsFirst { get; }

    /// <summary>Whether this is the beginning of a record longer than may be held, whose rest is dropped.</summary>
    public bool IsOversized { get; }

    public void Dispose() => ArrayPool<byte>.Shared.Return(_rented);
}
