using System;
using System.Buffers.Binary;
using System.Runtime.InteropServices;

namespace GptEngine.Engine.Data.Preparation;

/// <summary>
/// The hash that decides whether a document is for training or validation. It depends on the text alone, so a document stays on its side
/// when others are added, and copies of it never end up on both sides.
/// </summary>
internal static class DocumentHash
{
    /// <summary>How much of a document is hashed: so that long ones can be written while they are still being read.</summary>
    public const int HashedBytes = 64 << 10;

    /// <summary>A 64-bit hash of the first <see cref="HashedBytes"/> of <paramref name="text"/>.</summary>
    public static ulong Of(ReadOnlySpan<byte> text)
    {
        text = text[..Math.Min(text.Length, HashedBytes)];
        ulong hash = Mix((ulong)text.Length + 0x9E37_79B9_7F4A_7C15, 0xD6E8_FEB8_6659_FD93);
        foreach (ulong word in MemoryMarshal.Cast<byte, ulong>(text))
        {
            hash = Mix(hash ^ (BitConverter.IsLittleEndian ? word : BinaryPrimitives.ReverseEndianness(word)), 0x9E37_79B9_7F4A_7C15);
        }

        text = text[(text.Length & ~7)..];
        Span<byte> tail = stackalloc byte[8];
        tail.Clear();
        text.CopyTo(tail);
        return Mix(hash ^ BinaryPrimitives.ReadUInt64LittleEndian(tail), 0xC2B2_AE3D_27D4_EB4F);
    }

    /// <summary>Whether a document of that hash belongs to the validation stream.</summary>
    public static bool IsValidation(ulong hash, double fraction) => (hash >> 11) * (1.0 / (1UL << 53)) < fraction;

    private static ulong Mix(ulong a, ulong b)
    {
        ulong high = Math.BigMul(a, b, out ulong low);
        return high ^ low ^ (a >> 32);
    }
}
