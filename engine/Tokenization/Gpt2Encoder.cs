using System;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Text.Unicode;

namespace GptEngine.Engine.Tokenization;

/// <summary>
/// GPT-2's encoding for one thread. Pieces of up to 15 bytes go through a direct-mapped cache of fixed size (512 KiB), which natural text
/// answers nine times out of ten; the rest is looked up whole, as tiktoken does, and merged only then.
/// </summary>
internal sealed unsafe class Gpt2Encoder : ITokenEncoder
{
    private const int CacheBits = 14;
    private const int LongestCached = 15;
    private const int MostCachedIds = 7;

    private readonly Gpt2Vocabulary _vocabulary = Gpt2Vocabulary.Instance;
    private readonly PieceMerger _merger = new(Gpt2Vocabulary.Instance);
    private readonly CacheEntry[] _cache = new CacheEntry[1 << CacheBits];

    /// <inheritdoc/>
    public void Encode(ReadOnlySpan<byte> utf8, TokenBuffer output, bool allowSpecial = false)
    {
        if (allowSpecial)
        {
            SpecialTokens.EncodeAround(this, utf8, output, Gpt2Tokenizer.EndOfText);
            return;
        }

        if (!Utf8.IsValid(utf8))
        {
            utf8 = Utf8Repair.Replace(utf8);
        }

        fixed (byte* text = utf8)
        {
            EncodeValid(text, utf8.Length, output);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void EncodeValid(byte* text, int length, TokenBuffer output)
    {
        byte* firstByte = RuneClasses.FirstByte;
        byte* basicPlane = RuneClasses.BasicPlane;
        for (int start = 0; start < length;)
        {
            int end = PreTokenizer.PieceEnd(text, start, length, firstByte, basicPlane);
            int size = end - start;
            if (size <= LongestCached)
            {
                Vector128<byte> key = length - start >= 16 ? Vector128.Load(text + start) : LoadTail(text + start, size);
                EncodeShort(text + start, size, key, output);
            }
            else
            {
                EncodeWhole(text + start, size, output);
            }

            start = end;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void EncodeShort(byte* piece, int size, Vector128<byte> loaded, TokenBuffer output)
    {
        // The key is the piece's bytes, zeros, and its length in byte 15: zeros in the text cannot be confused with the filling.
        Vector128<byte> size8 = Vector128.Create((byte)size);
        Vector128<byte> inside = Vector128.LessThan(Vector128.Create((byte)0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15), size8);
        Vector128<ulong> key = (loaded & inside).WithElement(15, (byte)size).AsUInt64();
        ulong low = key.ToScalar();
        ulong high = key.GetElement(1);
        ulong mixed = (low ^ (high * 0xC2B2_AE3D_27D4_EB4F)) * 0x9E37_79B9_7F4A_7C15;
        ref CacheEntry entry = ref Unsafe.Add(ref MemoryMarshal.GetArrayDataReference(_cache), (nint)(mixed >> (64 - CacheBits)));
        if (entry.Low != low || entry.High != high)
        {
            EncodeUncached(piece, size, output, ref entry, low, high);
            return;
        }

        output.AddUpToEight(entry.Ids, entry.Ids.GetElement(MostCachedIds));
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private void EncodeUncached(byte* piece, int size, TokenBuffer output, ref CacheEntry entry, ulong low, ulong high)
    {
        int before = output.Count;
        EncodeWhole(piece, size, output);
        ReadOnlySpan<ushort> ids = output.Tokens[before..];
        if (ids.Length > MostCachedIds)
        {
            return;
        }

        Span<ushort> stored = stackalloc ushort[8];
        stored.Clear();
        ids.CopyTo(stored);
        stored[MostCachedIds] = (ushort)ids.Length;
        entry.Low = low;
        entry.High = high;
        entry.Ids = Vector128.Create<ushort>(stored);
    }

    private void EncodeWhole(byte* piece, int size, TokenBuffer output)
    {
        int id = _vocabulary.Find(piece, size);
        if (id != Gpt2Vocabulary.None)
        {
            output.Add((ushort)id);
        }
        else
        {
            _merger.Encode(piece, size, output);
        }
    }

    /// <summary>The last bytes of a text, without reading past its end.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static Vector128<byte> LoadTail(byte* piece, int size)
    {
        Vector128<byte> loaded = default;
        new ReadOnlySpan<byte>(piece, size).CopyTo(MemoryMarshal.AsBytes(new Span<Vector128<byte>>(ref loaded)));
        return loaded;
    }

    /// <summary>A piece's key and its ids: up to seven, and how many in the eighth place. All zero is no key: a piece has a length.</summary>
    private struct CacheEntry
    {
        public ulong Low;
        public ulong High;
        public Vector128<ushort> Ids;
    }
}
