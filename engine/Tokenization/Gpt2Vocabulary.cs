using System;
using System.IO;
using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace GptEngine.Engine.Tokenization;

/// <summary>
/// GPT-2's 50,256 ordinary tokens: the bytes of each id, and the id of any bytes. Read from the embedded <c>gpt2.tiktoken</c> (see
/// <c>Data/README.md</c>) into an open-addressing table at most 39 % full.
/// </summary>
internal sealed unsafe class Gpt2Vocabulary
{
    public const int Count = 50_256;

    /// <summary>What <see cref="Find"/> returns for bytes that are no token.</summary>
    public const int None = int.MaxValue;

    private const string ResourceName = "GptEngine.Engine.Tokenization.gpt2.tiktoken";
    private const int TableBits = 17;
    private const ushort EmptySlot = ushort.MaxValue;

    private static readonly Lazy<Gpt2Vocabulary> Shared = new(() => new Gpt2Vocabulary());

    // Pinned: the encoder reads them through pointers.
    private readonly byte[] _bytes;
    private readonly int[] _offsets = GC.AllocateUninitializedArray<int>(Count + 1, pinned: true);
    private readonly ushort[] _table = GC.AllocateUninitializedArray<ushort>(1 << TableBits, pinned: true);
    private readonly ushort[] _idOfByte = GC.AllocateUninitializedArray<ushort>(256, pinned: true);

    private Gpt2Vocabulary()
    {
        using Stream resource = OpenResource();
        int length = (int)resource.Length;
        byte[] file = GC.AllocateUninitializedArray<byte>(length);
        resource.ReadExactly(file);
        _bytes = GC.AllocateUninitializedArray<byte>(length * 3 / 4, pinned: true);
        Parse(file);
        _table.AsSpan().Fill(EmptySlot);
        FillTable();
    }

    /// <summary>The one instance, read at first use.</summary>
    public static Gpt2Vocabulary Instance => Shared.Value;

    /// <summary>Bytes of the longest token.</summary>
    public int MaxTokenLength { get; private set; }

    /// <summary>The embedded file as it is.</summary>
    public static Stream OpenResource() => typeof(Gpt2Vocabulary).Assembly.GetManifestResourceStream(ResourceName)
        ?? throw new InvalidOperationException($"The assembly lacks its resource {ResourceName}.");

    public ReadOnlySpan<byte> BytesOf(int id) => _bytes.AsSpan(_offsets[id], _offsets[id + 1] - _offsets[id]);

    public ushort IdOfByte(byte value) => _idOfByte[value];

    /// <summary>The id, which is also the merge rank, of <paramref name="length"/> bytes; <see cref="None"/> if they are no token.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public int Find(byte* bytes, int length)
    {
        if (length > MaxTokenLength)
        {
            return None;
        }

        byte* all = (byte*)Unsafe.AsPointer(ref MemoryMarshal.GetArrayDataReference(_bytes));
        int* offsets = (int*)Unsafe.AsPointer(ref MemoryMarshal.GetArrayDataReference(_offsets));
        ushort* table = (ushort*)Unsafe.AsPointer(ref MemoryMarshal.GetArrayDataReference(_table));
        for (uint slot = Hash(bytes, length); ; slot = (slot + 1) & ((1u << TableBits) - 1))
        {
            int id = table[slot];
            if (id == EmptySlot)
            {
                return None;
            }

            int offset = offsets[id];
            if (offsets[id + 1] - offset == length && Same(all + offset, bytes, length))
            {
                return id;
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static uint Hash(byte* bytes, int length)
    {
        const ulong Multiplier = 0x9E37_79B9_7F4A_7C15;
        ulong hash = (ulong)length;
        while (length >= 8)
        {
            hash = BitOperations.RotateLeft((hash ^ *(ulong*)bytes) * Multiplier, 29);
            bytes += 8;
            length -= 8;
        }

        if (length > 0)
        {
            hash = (hash ^ Tail(bytes, length)) * Multiplier;
        }

        return (uint)((hash * Multiplier) >> (64 - TableBits));
    }

    /// <summary>One to seven bytes as a number, without reading past them.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static ulong Tail(byte* bytes, int length)
    {
        if (length >= 4)
        {
            return *(uint*)bytes | ((ulong)*(uint*)(bytes + length - 4) << 32);
        }

        return bytes[0] | ((uint)bytes[length >> 1] << 8) | ((uint)bytes[length - 1] << 16);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static bool Same(byte* a, byte* b, int length)
    {
        while (length >= 8)
        {
            if (*(ulong*)a != *(ulong*)b)
            {
                return false;
            }

            a += 8;
            b += 8;
            length -= 8;
        }

        return length == 0 || Tail(a, length) == Tail(b, length);
    }

    // The file is ours and its checksum is tested, so a malformed line is a broken build, not a user's error.
    // Optimised at once: it runs once, and unoptimised it would be most of the program's start.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Parse(ReadOnlySpan<byte> file)
    {
        Span<sbyte> sextets = stackalloc sbyte[256];
        sextets.Fill(-1);
        ReadOnlySpan<byte> alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"u8;
        for (int i = 0; i < alphabet.Length; i++)
        {
            sextets[alphabet[i]] = (sbyte)i;
        }

        int at = 0;
        int written = 0;
        for (int id = 0; id < Count; id++)
        {
            _offsets[id] = written;
            int bits = 0;
            int pending = 0;
            for (; sextets[file[at]] >= 0; at++)
            {
                pending = (pending << 6) | (int)sextets[file[at]];
                bits += 6;
                if (bits >= 8)
                {
                    bits -= 8;
                    _bytes[written++] = (byte)(pending >> bits);
                }
            }

            while (file[at] is (byte)'=' or (byte)' ')
            {
                at++;
            }

            int rank = 0;
            for (; file[at] != '\n'; at++)
            {
                rank = rank * 10 + (file[at] - '0');
            }

            at++;
            if (rank != id)
            {
                throw new InvalidOperationException($"{ResourceName}: line {id + 1} has rank {rank}; ranks must count up from 0.");
            }
        }

        _offsets[Count] = written;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void FillTable()
    {
        byte* all = (byte*)Unsafe.AsPointer(ref MemoryMarshal.GetArrayDataReference(_bytes));
        for (int id = 0; id < Count; id++)
        {
            byte* bytes = all + _offsets[id];
            int length = _offsets[id + 1] - _offsets[id];
            MaxTokenLength = Math.Max(MaxTokenLength, length);
            if (length == 1)
            {
                _idOfByte[*bytes] = (ushort)id;
            }

            uint slot = Hash(bytes, length);
            while (_table[slot] != EmptySlot)
            {
                slot = (slot + 1) & ((1u << TableBits) - 1);
            }

            _table[slot] = (ushort)id;
        }
    }
}
