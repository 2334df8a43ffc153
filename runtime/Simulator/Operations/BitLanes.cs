using System.Runtime.CompilerServices;

namespace GptEngine.Runtime.Simulator.Operations;

/// <summary>
/// Runs a bit function over the lanes of a warp. The plain road for everything that is not hot: one indirect call a lane, some 2 ns.
/// A row is 32 values of its register's width, side by side.
/// </summary>
internal static unsafe class BitLanes
{
    /// <summary>Packs the widths in bytes of destination and operands into one constant.</summary>
    internal static int Sizes(int d, int a, int b, int c) => d | (a << 8) | (b << 16) | (c << 24);

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Map(byte* d, byte* a, byte* b, byte* c, int sizes, int mode, nint function, uint mask)
    {
        var apply = (delegate*<ulong, ulong, ulong, int, ulong>)function;
        int dSize = sizes & 0xFF;
        int aSize = (sizes >> 8) & 0xFF;
        int bSize = (sizes >> 16) & 0xFF;
        int cSize = sizes >>> 24;
        for (int lane = 0; mask != 0; lane++, mask >>= 1)
        {
            if ((mask & 1) != 0)
            {
                Write(d, dSize, lane, apply(Read(a, aSize, lane), Read(b, bSize, lane), Read(c, cSize, lane), mode));
            }
        }
    }

    /// <summary>Evaluates a bit function as a predicate: the lanes of <paramref name="mask"/> where it is not 0.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static uint Test(byte* a, byte* b, int sizes, int mode, nint function, uint mask)
    {
        var apply = (delegate*<ulong, ulong, ulong, int, ulong>)function;
        int aSize = (sizes >> 8) & 0xFF;
        int bSize = (sizes >> 16) & 0xFF;
        uint result = 0;
        for (int lane = 0; lane < 32; lane++)
        {
            if (((mask >> lane) & 1) != 0 && apply(Read(a, aSize, lane), Read(b, bSize, lane), 0, mode) != 0)
            {
                result |= 1u << lane;
            }
        }

        return result;
    }

    /// <summary>Evaluates a comparison of the 16 bits from <paramref name="shift"/> on in rows of 32.</summary>
    public static uint TestPart(byte* a, byte* b, int shift, int mode, nint function, uint mask)
    {
        var apply = (delegate*<ulong, ulong, ulong, int, ulong>)function;
        uint result = 0;
        for (int lane = 0; lane < 32; lane++)
        {
            bool holds = apply((((uint*)a)[lane] >> shift) & 0xFFFF, (((uint*)b)[lane] >> shift) & 0xFFFF, 0, mode) != 0;
            result |= ((mask >> lane) & 1) != 0 && holds ? 1u << lane : 0;
        }

        return result;
    }

    /// <summary>bfi, the one instruction of four operands.</summary>
    public static void InsertField(byte* d, byte* a, byte* b, byte* start, byte* length, int size, int mode, uint mask)
    {
        for (int lane = 0; lane < 32; lane++)
        {
            if (((mask >> lane) & 1) != 0)
            {
                ulong place = (((uint*)start)[lane] & 0xFF) | ((((uint*)length)[lane] & 0xFF) << 8);
                Write(d, size, lane, BitFieldFunctions.Insert(Read(a, size, lane), Read(b, size, lane), place, mode));
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static ulong Read(byte* row, int size, int lane) => size switch
    {
        4 => ((uint*)row)[lane],
        8 => ((ulong*)row)[lane],
        2 => ((ushort*)row)[lane],
        1 => row[lane],
        _ => (*(uint*)row >> lane) & 1,
    };

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static void Write(byte* row, int size, int lane, ulong value)
    {
        switch (size)
        {
            case 4:
                ((uint*)row)[lane] = (uint)value;
                break;
            case 8:
                ((ulong*)row)[lane] = value;
                break;
            case 2:
                ((ushort*)row)[lane] = (ushort)value;
                break;
            default:
                *(uint*)row = (*(uint*)row & ~(1u << lane)) | ((uint)(value & 1) << lane);
                break;
        }
    }
}
