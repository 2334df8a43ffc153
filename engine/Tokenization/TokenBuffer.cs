using System;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace GptEngine.Engine.Tokenization;

/// <summary>A growing list of token ids, reused between calls so that encoding allocates nothing once it is large enough.</summary>
public sealed class TokenBuffer
{
    private ushort[] _items;

    public TokenBuffer(int capacity = 1024) => _items = new ushort[Math.Max(capacity, 16)];

    public int Count { get; private set; }

    public ReadOnlySpan<ushort> Tokens => _items.AsSpan(0, Count);

    /// <summary>Ids the buffer can hold before it grows.</summary>
    public int Capacity => _items.Length;

    public void Clear() => Count = 0;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Add(ushort token)
    {
        if (Count == _items.Length)
        {
            Grow(1);
        }

        _items[Count++] = token;
    }

    public void Add(ReadOnlySpan<ushort> tokens)
    {
        tokens.CopyTo(Reserve(tokens.Length));
        Count += tokens.Length;
    }

    /// <summary>Appends each byte as an id of its own.</summary>
    public void AddWidened(ReadOnlySpan<byte> bytes)
    {
        Span<ushort> free = Reserve(bytes.Length);
        for (int i = 0; i < bytes.Length; i++)
        {
            free[i] = bytes[i];
        }

        Count += bytes.Length;
    }

    public int[] ToArray()
    {
        int[] ids = new int[Count];
        for (int i = 0; i < ids.Length; i++)
        {
            ids[i] = _items[i];
        }

        return ids;
    }

    /// <summary>Stores eight ids with one write and keeps the first <paramref name="count"/> of them.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal void AddUpToEight(System.Runtime.Intrinsics.Vector128<ushort> tokens, int count)
    {
        if (_items.Length - Count < 8)
        {
            Grow(8);
        }

        Unsafe.WriteUnaligned(
            ref Unsafe.As<ushort, byte>(ref Unsafe.Add(ref MemoryMarshal.GetArrayDataReference(_items), Count)), tokens);
        Count += count;
    }

    private Span<ushort> Reserve(int count)
    {
        if (_items.Length - Count < count)
        {
            Grow(count);
        }

        return _items.AsSpan(Count, count);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private void Grow(int count) =>
        Array.Resize(ref _items, (int)Math.Min(Array.MaxLength, Math.Max((long)_items.Length * 2, (long)Count + count)));
}
