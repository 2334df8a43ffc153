using System;

namespace GptEngine.Runtime.Simulator.Operations;

/// <summary>add.cc, addc, sub.cc, subc, mad.cc and madc: arithmetic through the carry flag, a bit a lane.</summary>
internal static unsafe class CarryLanes
{
    internal const int ReadsCarry = 1, WritesCarry = 2, Subtracts = 4, MultipliesLow = 8, MultipliesHigh = 16, Signed = 32;

    public static void Run(byte* d, byte* a, byte* b, byte* c, byte* carry, int size, int form, uint mask)
    {
        UInt128 limit = (UInt128.One << (8 * size)) - 1;
        uint flags = *(uint*)carry;
        for (int lane = 0; lane < 32; lane++)
        {
            if (((mask >> lane) & 1) == 0)
            {
                continue;
            }

            UInt128 x = BitLanes.Read(a, size, lane);
            UInt128 y = BitLanes.Read(b, size, lane);
            if ((form & (MultipliesLow | MultipliesHigh)) != 0)
            {
                int type = IntegerFunctions.TypeBits(size, (form & Signed) != 0);
                x = (form & MultipliesHigh) != 0 ? IntegerFunctions.MultiplyHigh((ulong)x, (ulong)y, 0, type) & limit : (x * y) & limit;
                y = BitLanes.Read(c, size, lane);
            }

            // The flag is a carry for additions and a borrow for subtractions.
            UInt128 flag = (form & ReadsCarry) != 0 ? (flags >> lane) & 1 : 0;
            UInt128 result = (form & Subtracts) != 0 ? x - y - flag : x + y + flag;
            BitLanes.Write(d, size, lane, (ulong)result);
            if ((form & WritesCarry) != 0)
            {
                bool set = result > limit;
                flags = set ? flags | (1u << lane) : flags & ~(1u << lane);
            }
        }

        *(uint*)carry = flags;
    }
}
