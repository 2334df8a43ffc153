using System;
using System.Numerics;

namespace GptEngine.Runtime.Simulator.Operations;

/// <summary>Logic, shifts and bit fields. The type's width and sign come as in <see cref="IntegerFunctions"/>.</summary>
internal static class BitFieldFunctions
{
    internal static ulong And(ulong a, ulong b, ulong c, int mode) => a & b;

    internal static ulong Or(ulong a, ulong b, ulong c, int mode) => a | b;

    internal static ulong Xor(ulong a, ulong b, ulong c, int mode) => a ^ b;

    internal static ulong Not(ulong a, ulong b, ulong c, int mode) => ~a;

    internal static ulong LogicalNot(ulong a, ulong b, ulong c, int mode) => IntegerFunctions.Unsigned(a, mode) == 0 ? 1ul : 0;

    internal static ulong Copy(ulong a, ulong b, ulong c, int mode) => a;

    /// <summary>The truth table is in bits 16..23 of the mode: its bit (x·4 + y·2 + z) is the result for bits x, y, z of a, b, c.</summary>
    internal static ulong Logic3(ulong a, ulong b, ulong c, int mode)
    {
        ulong result = 0;
        for (int row = 0; row < 8; row++)
        {
            if ((mode >> (16 + row) & 1) != 0)
            {
                result |= ((row & 4) != 0 ? a : ~a) & ((row & 2) != 0 ? b : ~b) & ((row & 1) != 0 ? c : ~c);
            }
        }

        return result;
    }

    /// <summary>Counts past the width give 0.</summary>
    internal static ulong ShiftLeft(ulong a, ulong b, ulong c, int mode)
    {
        uint count = (uint)b;
        return count >= 8 * IntegerFunctions.Width(mode) ? 0 : a << (int)count;
    }

    /// <summary>Counts past the width give 0, or the sign everywhere.</summary>
    internal static ulong ShiftRight(ulong a, ulong b, ulong c, int mode)
    {
        int width = 8 * IntegerFunctions.Width(mode);
        int count = (int)Math.Min((uint)b, (uint)width);
        return IntegerFunctions.IsSigned(mode)
            ? (ulong)(IntegerFunctions.Signed(a, mode) >> Math.Min(count, 63))
            : count == width ? 0 : IntegerFunctions.Unsigned(a, mode) >> count;
    }

    /// <summary>The upper word of {b, a} shifted left; the count wraps or clamps.</summary>
    internal static ulong FunnelLeft(ulong a, ulong b, ulong c, int mode)
    {
        int count = FunnelCount(c, mode);
        return count == 32 ? a : (((b << 32) | a) << count) >> 32;
    }

    /// <summary>The lower word of {b, a} shifted right.</summary>
    internal static ulong FunnelRight(ulong a, ulong b, ulong c, int mode) => ((b << 32) | a) >> FunnelCount(c, mode);

    internal static ulong PopulationCount(ulong a, ulong b, ulong c, int mode) => (ulong)BitOperations.PopCount(a);

    internal static ulong LeadingZeros(ulong a, ulong b, ulong c, int mode) =>
        (ulong)(BitOperations.LeadingZeroCount(a) - (64 - (8 * IntegerFunctions.Width(mode))));

    internal static ulong Reverse(ulong a, ulong b, ulong c, int mode)
    {
        ulong result = 0;
        for (int i = 0; i < 8 * IntegerFunctions.Width(mode); i++)
        {
            result = (result << 1) | ((a >> i) & 1);
        }

        return result;
    }

    /// <summary>The place of the highest bit that is not the sign; all ones if there is none. Wrap stands for .shiftamt.</summary>
    internal static ulong FindLeading(ulong a, ulong b, ulong c, int mode)
    {
        ulong value = IntegerFunctions.IsSigned(mode) && IntegerFunctions.Signed(a, mode) < 0
            ? ~IntegerFunctions.Unsigned((ulong)IntegerFunctions.Signed(a, mode), mode)
            : a;
        value = IntegerFunctions.Unsigned(value, mode);
        if (value == 0)
        {
            return uint.MaxValue;
        }

        int place = 63 - BitOperations.LeadingZeroCount(value);
        return (ulong)((mode & (int)OperationMode.Wrap) != 0 ? (8 * IntegerFunctions.Width(mode)) - 1 - place : place);
    }

    /// <summary>Bits [b, b + c) of a; beyond the top the sign (of the field's last existing bit) or 0.</summary>
    internal static ulong Extract(ulong a, ulong b, ulong c, int mode)
    {
        int width = 8 * IntegerFunctions.Width(mode);
        int start = (int)(b & 0xFF);
        int length = (int)(c & 0xFF);
        if (length == 0)
        {
            return 0;
        }

        int signAt = Math.Min(start + length - 1, width - 1);
        bool fill = IntegerFunctions.IsSigned(mode) && ((a >> signAt) & 1) != 0;
        ulong value = start >= width ? 0 : IntegerFunctions.Unsigned(a, mode) >> start;
        int present = Math.Clamp(Math.Min(length, width - start), 0, 64);
        ulong kept = present == 64 ? ulong.MaxValue : (1ul << present) - 1;
        return (value & kept) | (fill ? ~kept : 0);
    }

    /// <summary>a's low bits put into b at the place in bits 0..7 of c, as many as its bits 8..15 say.</summary>
    internal static ulong Insert(ulong a, ulong b, ulong c, int mode)
    {
        int width = 8 * IntegerFunctions.Width(mode);
        int start = (int)(c & 0xFF);
        int length = (int)((c >> 8) & 0xFF);
        if (start >= width || length == 0)
        {
            return b;
        }

        ulong field = (length >= 64 ? ulong.MaxValue : (1ul << length) - 1) << start;
        return (b & ~field) | ((a << start) & field);
    }

    /// <summary>Bits [a, a + b) set. Wrap stands for .wrap, else the operands clamp at 32.</summary>
    internal static ulong Mask(ulong a, ulong b, ulong c, int mode)
    {
        bool wrap = (mode & (int)OperationMode.Wrap) != 0;
        int start = (int)(wrap ? a & 31 : Math.Min(a, 32));
        int length = (int)(wrap ? b & 31 : Math.Min(b, 32));
        return ((1ul << length) - 1) << start;
    }

    /// <summary>Sign- or zero-extends the low b bits of a.</summary>
    internal static ulong Extend(ulong a, ulong b, ulong c, int mode)
    {
        bool wrap = (mode & (int)OperationMode.Wrap) != 0;
        int length = (int)(wrap ? b & 31 : Math.Min(b, 32));
        if (length == 0)
        {
            return 0;
        }

        ulong kept = (1ul << length) - 1;
        bool fill = IntegerFunctions.IsSigned(mode) && ((a >> (length - 1)) & 1) != 0;
        return (a & kept) | (fill ? ~kept : 0);
    }

    /// <summary>prmt: each byte of the result picked from the eight of {b, a} by a nibble of the selector; its top bit spreads the sign.</summary>
    internal static ulong Permute(ulong a, ulong b, ulong c, int mode)
    {
        ulong bytes = (b << 32) | a;
        ulong result = 0;
        for (int i = 0; i < 4; i++)
        {
            int nibble = Selector(i, c, (mode >> 16) & 7);
            ulong picked = (bytes >> (8 * (nibble & 7))) & 0xFF;
            picked = (nibble & 8) != 0 ? ((picked & 0x80) != 0 ? 0xFFul : 0) : picked;
            result |= picked << (8 * i);
        }

        return result;
    }

    /// <summary>The sign of a on the magnitude of b.</summary>
    internal static ulong CopySign(ulong a, ulong b, ulong c, int mode)
    {
        ulong sign = 1ul << ((8 * IntegerFunctions.Width(mode)) - 1);
        return (b & ~sign) | (a & sign);
    }

    /// <summary>slct: a where c, a float or a signed integer, is at least 0 (−0 counts), else b; NaN chooses b. Bit 25: c is a float.</summary>
    internal static ulong SelectBySign(ulong a, ulong b, ulong c, int mode)
    {
        bool atLeastZero = (mode & (1 << 25)) != 0 ? FloatBits.ToSingle(FloatBits.Flush(c, mode)) >= 0 : (int)c >= 0;
        return atLeastZero ? a : b;
    }

    private static int FunnelCount(ulong c, int mode) => (int)((mode & (int)OperationMode.Wrap) != 0 ? c & 31 : Math.Min(c, 32));

    /// <summary>Forms 1 to 6: f4e, b4e, rc8, ecl, ecr, rc16; 0 reads the selector's own nibbles.</summary>
    private static int Selector(int i, ulong c, int form)
    {
        int n = (int)(c & 3);
        return form switch
        {
            1 => n + i,
            2 => (n - i) & 7,
            3 => n,
            4 => Math.Max(i, n),
            5 => Math.Min(i, n),
            6 => ((n & 1) * 2) + (i & 1),
            _ => (int)(c >> (4 * i)) & 0xF,
        };
    }
}
