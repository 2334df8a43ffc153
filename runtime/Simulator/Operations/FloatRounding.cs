using System;
using System.Numerics;

namespace GptEngine.Runtime.Simulator.Operations;

/// <summary>Rounds an exact value to a format in any of PTX's modes.</summary>
internal static class FloatRounding
{
    /// <summary>
    /// Rounds head + tail, where tail is known by its sign alone and is smaller than half a unit of head's last place.
    /// Two bits below head's last place and a sticky one are enough for every format of at most 50 bits.
    /// </summary>
    internal static ulong Round(double head, int tailSign, FloatFormat format, OperationMode mode)
    {
        ulong bits = BitConverter.DoubleToUInt64Bits(head);
        bool negative = (bits >> 63) != 0;
        ulong sign = negative ? 1ul << format.SignShift : 0;
        if (double.IsNaN(head))
        {
            return format.CanonicalNaN;
        }

        if (double.IsInfinity(head))
        {
            return sign | format.InfinityBits;
        }

        int field = (int)(bits >> 52) & 0x7FF;
        ulong significand = (bits & ((1ul << 52) - 1)) | (field == 0 ? 0 : 1ul << 52);
        int exponent = (field == 0 ? 1 : field) - 1075 - 4;
        significand <<= 4;
        if (tailSign != 0)
        {
            bool outward = (tailSign < 0) == negative || significand == 0;
            negative = significand == 0 ? tailSign < 0 : negative;
            sign = negative ? 1ul << format.SignShift : 0;
            significand = outward ? significand | 1 : significand - 1;
        }

        return significand == 0 ? sign : sign | RoundMagnitude(significand, exponent, negative, format, mode);
    }

    /// <summary>Rounds significand · 2^exponent, exact, of any size.</summary>
    internal static ulong Round(BigInteger significand, int exponent, bool sticky, FloatFormat format, OperationMode mode)
    {
        bool negative = significand.Sign < 0;
        BigInteger magnitude = BigInteger.Abs(significand);
        int excess = (int)magnitude.GetBitLength() - 62;
        if (excess > 0)
        {
            sticky |= !(magnitude & ((BigInteger.One << excess) - 1)).IsZero;
            magnitude >>= excess;
            exponent += excess;
        }

        if (magnitude.GetBitLength() < 60)
        {
            int raise = 60 - (int)magnitude.GetBitLength();
            magnitude <<= raise;
            exponent -= raise;
        }

        ulong bits = (ulong)magnitude | (sticky ? 1ul : 0);
        ulong sign = negative ? 1ul << format.SignShift : 0;
        return sign | RoundMagnitude(bits, exponent, negative, format, mode);
    }

    private static ulong RoundMagnitude(ulong significand, int exponent, bool negative, FloatFormat format, OperationMode mode)
    {
        int top = 63 - BitOperations.LeadingZeroCount(significand) + exponent;
        int lastPlace = Math.Max(top, format.MinimumExponent) - (format.Precision - 1);
        int drop = lastPlace - exponent;
        ulong kept;
        bool half = false;
        bool below = false;
        if (drop <= 0)
        {
            kept = significand << -drop;
        }
        else if (drop > 64)
        {
            kept = 0;
            below = true;
        }
        else
        {
            kept = drop == 64 ? 0 : significand >> drop;
            half = ((significand >> (drop - 1)) & 1) != 0;
            below = (significand & ((1ul << (drop - 1)) - 1)) != 0;
        }

        bool up = (mode & OperationMode.RoundingMask) switch
        {
            OperationMode.RoundZero => false,
            OperationMode.RoundDown => negative && (half || below),
            OperationMode.RoundUp => !negative && (half || below),
            OperationMode.RoundNearestAway => half,
            _ => half && (below || (kept & 1) != 0),
        };
        kept += up ? 1ul : 0;
        if (kept == 0)
        {
            return 0;
        }

        if (kept >> format.Precision != 0)
        {
            kept >>= 1;
            lastPlace++;
        }

        bool normal = kept >> (format.Precision - 1) != 0;
        int biased = normal ? lastPlace + format.Precision - 1 + format.MaximumExponent : 0;
        if (biased > 2 * format.MaximumExponent)
        {
            bool toInfinity = (mode & OperationMode.RoundingMask) switch
            {
                OperationMode.RoundZero => false,
                OperationMode.RoundDown => negative,
                OperationMode.RoundUp => !negative,
                _ => true,
            };
            return toInfinity ? format.InfinityBits : format.LargestBits;
        }

        return ((ulong)biased << (format.Precision - 1)) | (kept & ((1ul << (format.Precision - 1)) - 1));
    }
}
