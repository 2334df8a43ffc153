using System;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using GptEngine.Runtime.Simulator.Execution;
using GptEngine.Runtime.Simulator.Memory;
using GptEngine.Runtime.Simulator.Operations;
using GptEngine.Runtime.Simulator.Translation;

namespace GptEngine.Runtime.Simulator.Tensor;

/// <summary>
/// mma.sync. Fragments lie as the PTX ISA's figures have them: with group g = lane / 4 and t = lane mod 4, a register of two 16-bit values
/// is an 8×8 tile of A by rows (row g, columns 2t and 2t + 1), or of B by columns; an accumulator register pair is a row of C. The sum is
/// taken in double and rounded once to the accumulator's type: within the bound of any order that the hardware may use.
/// A site's operands are the registers of A, then B, then C; its data those of D.
/// </summary>
internal static unsafe class MatrixMultiply
{
    /// <summary>Bits of a site's detail: operands are bfloat16; C is half; D is half; A is by columns; B is by rows (m8n8k4 alone).</summary>
    internal const int BFloat16 = 1, HalfC = 2, HalfD = 4, ColumnA = 8, RowB = 16;

    /// <summary>m16n8k8 and k16, operands of 16 bits.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Run16(Warp warp, byte* registers, int siteIndex)
    {
        MemorySite site = warp.Sites[siteIndex];
        int registersOfA = site.Operands.Length - CountC(site) > 4 ? 4 : 2;
        int depth = registersOfA == 4 ? 16 : 8;
        double* tile = stackalloc double[64];
        double* a = stackalloc double[16 * 16];
        double* b = stackalloc double[16 * 8];
        bool isBFloat16 = (site.Detail & BFloat16) != 0;
        for (int r = 0; r < registersOfA; r++)
        {
            Convert(site.Operands[r].At(registers), tile, isBFloat16);
            int top = 8 * (r & 1);
            int left = 8 * (r >> 1);
            for (int g = 0; g < 8; g++)
            {
                Vector512.Load(tile + (8 * g)).Store(a + ((top + g) * 16) + left);
            }
        }

        for (int r = 0; r < registersOfA / 2; r++)
        {
            Convert(site.Operands[registersOfA + r].At(registers), tile, isBFloat16);
            for (int n = 0; n < 8; n++)
            {
                for (int k = 0; k < 8; k++)
                {
                    b[(((8 * r) + k) * 8) + n] = tile[(8 * n) + k];
                }
            }
        }

        Accumulate(site, registers, a, b, depth);
    }

    /// <summary>m16n8k4 and k8 with tf32 operands: one value a register, row g (and g + 8), column t (and t + 4).</summary>
    public static void RunTensorFloat32(Warp warp, byte* registers, int siteIndex)
    {
        MemorySite site = warp.Sites[siteIndex];
        int registersOfA = site.Operands.Length - 4 == 6 ? 4 : 2;
        double* tile = stackalloc double[32];
        double* a = stackalloc double[16 * 16];
        double* b = stackalloc double[16 * 8];
        for (int r = 0; r < registersOfA; r++)
        {
            FragmentConversion.TensorFloat32s(site.Operands[r].At(registers), tile);
            for (int lane = 0; lane < Warp.Lanes; lane++)
            {
                a[(((lane / 4) + (8 * (r & 1))) * 16) + (lane % 4) + (4 * (r >> 1))] = tile[lane];
            }
        }

        for (int r = 0; r < registersOfA / 2; r++)
        {
            FragmentConversion.TensorFloat32s(site.Operands[registersOfA + r].At(registers), tile);
            for (int lane = 0; lane < Warp.Lanes; lane++)
            {
                b[(((lane % 4) + (4 * r)) * 8) + (lane / 4)] = tile[lane];
            }
        }

        Accumulate(site, registers, a, b, 2 * registersOfA);
    }

    /// <summary>
    /// m8n8k4: lanes 4q to 4q + 3 and 16 + 4q to 19 + 4q make product q. A and B have four halves a lane in two registers, an accumulator
    /// eight values: four registers of two halves, or eight singles.
    /// </summary>
    public static void Run8(Warp warp, byte* registers, int siteIndex)
    {
        MemorySite site = warp.Sites[siteIndex];
        double* a = stackalloc double[4 * 8 * 4];
        double* b = stackalloc double[4 * 4 * 8];
        for (int lane = 0; lane < Warp.Lanes; lane++)
        {
            int product = (lane / 4) & 3;
            int row = (lane & 3) + (lane < 16 ? 0 : 4);
            int upper = lane < 16 ? 0 : 4;
            for (int i = 0; i < 4; i++)
            {
                double x = FloatBits.HalfToDouble(HalfOf(site.Operands[i / 2], registers, lane, i & 1));
                double y = FloatBits.HalfToDouble(HalfOf(site.Operands[2 + (i / 2)], registers, lane, i & 1));
                bool columnA = (site.Detail & ColumnA) != 0;
                bool rowB = (site.Detail & RowB) != 0;
                a[(product * 32) + ((columnA ? i + upper : row) * 4) + (columnA ? lane & 3 : i)] = x;
                b[(product * 32) + ((rowB ? lane & 3 : i) * 8) + (rowB ? i + upper : row)] = y;
            }
        }

        Finish8(site, registers, a, b);
    }

    private static void Finish8(MemorySite site, byte* registers, double* a, double* b)
    {
        for (int lane = 0; lane < Warp.Lanes; lane++)
        {
            int product = (lane / 4) & 3;
            int upper = lane < 16 ? 0 : 4;
            for (int i = 0; i < 8; i++)
            {
                double sum = Read8(site, registers, lane, i);
                (int row, int column) = Place8(site, lane, i, upper);
                double products = 0;
                for (int k = 0; k < 4; k++)
                {
                    products += a[(product * 32) + (row * 4) + k] * b[(product * 32) + (k * 8) + column];
                }

                Write8(site, registers, lane, i, sum + products);
            }
        }
    }

    /// <summary>The cell of accumulator value i; C and D are of one type.</summary>
    private static (int Row, int Column) Place8(MemorySite site, int lane, int i, int upper) => (site.Detail & HalfC) != 0
        ? ((lane & 3) + upper, i)
        : ((lane & 1) + (i & 2) + upper, (i & 4) + (lane & 2) + (i & 1));

    private static double Read8(MemorySite site, byte* registers, int lane, int i) => (site.Detail & HalfC) != 0
        ? FloatBits.HalfToDouble(HalfOf(site.Operands[4 + (i / 2)], registers, lane, i & 1))
        : ((float*)site.Operands[4 + i].At(registers))[lane];

    private static void Write8(MemorySite site, byte* registers, int lane, int i, double value)
    {
        if ((site.Detail & HalfD) != 0)
        {
            ((ushort*)site.Data[i / 2].At(registers))[(2 * lane) + (i & 1)] = ToHalf(value);
        }
        else
        {
            ((uint*)site.Data[i].At(registers))[lane] = (uint)FloatBits.Of((float)value);
        }
    }

    private static int CountC(MemorySite site) => (site.Detail & HalfC) != 0 ? 2 : 4;

    private static void Convert(byte* row, double* tile, bool isBFloat16)
    {
        if (isBFloat16)
        {
            FragmentConversion.BFloat16s(row, tile);
        }
        else
        {
            FragmentConversion.Halves(row, tile);
        }
    }

    /// <summary>D = A·B + C for a 16×8 result; a has rows of 16 values, b rows of 8.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Accumulate(MemorySite site, byte* registers, double* a, double* b, int depth)
    {
        int c = site.Operands.Length - CountC(site);
        double* sum = stackalloc double[8];
        for (int row = 0; row < 16; row++)
        {
            Vector512<double> total = Vector512<double>.Zero;
            for (int k = 0; k < depth; k++)
            {
                total += Vector512.Create(a[(row * 16) + k]) * Vector512.Load(b + (k * 8));
            }

            total.Store(sum);
            int lane = 4 * (row & 7);
            int part = row >> 3;
            for (int column = 0; column < 8; column++)
            {
                int at = lane + (column / 2);
                double before = (site.Detail & HalfC) != 0
                    ? FloatBits.HalfToDouble(((ushort*)site.Operands[c + part].At(registers))[(2 * at) + (column & 1)])
                    : ((float*)site.Operands[c + (2 * part) + (column & 1)].At(registers))[at];
                double value = before + sum[column];
                if ((site.Detail & HalfD) != 0)
                {
                    ((ushort*)site.Data[part].At(registers))[(2 * at) + (column & 1)] = ToHalf(value);
                }
                else
                {
                    ((uint*)site.Data[(2 * part) + (column & 1)].At(registers))[at] = (uint)FloatBits.Of((float)value);
                }
            }
        }
    }

    private static ulong HalfOf(Row row, byte* registers, int lane, int part) => ((ushort*)row.At(registers))[(2 * lane) + part];

    private static ushort ToHalf(double value) => double.IsNaN(value) ? (ushort)0x7FFF : BitConverter.HalfToUInt16Bits((Half)value);
}
