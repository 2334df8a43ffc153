using GptEngine.Runtime.Simulator.Execution;
using GptEngine.Runtime.Simulator.Memory;

namespace GptEngine.Runtime.Simulator.Tensor;

/// <summary>
/// ldmatrix and stmatrix: matrices of 8×8 16-bit values whose rows of 16 bytes lie where lanes 8m to 8m + 7 say for matrix m. Lane l has
/// elements 2(l mod 4) and the next of row l / 4, or of column l / 4 when transposed.
/// </summary>
internal static unsafe class MatrixMoves
{
    private const int RowBytes = 16;

    public static void Load(Warp warp, byte* registers, int siteIndex)
    {
        MemorySite site = warp.Sites[siteIndex];
        Resolve(warp, registers, site, write: false);
        for (int matrix = 0; matrix < site.Data.Length; matrix++)
        {
            uint* d = (uint*)site.Data[matrix].At(registers);
            nint* place = warp.Pointers + (8 * matrix);
            for (int lane = 0; lane < Warp.Lanes; lane++)
            {
                int g = lane / 4;
                int t = 2 * (lane % 4);
                d[lane] = site.Detail != 0
                    ? ((ushort*)place[t])[g] | ((uint)((ushort*)place[t + 1])[g] << 16)
                    : ((uint*)place[g])[lane % 4];
            }
        }
    }

    public static void Store(Warp warp, byte* registers, int siteIndex)
    {
        MemorySite site = warp.Sites[siteIndex];
        Resolve(warp, registers, site, write: true);
        for (int matrix = 0; matrix < site.Data.Length; matrix++)
        {
            uint* source = (uint*)site.Data[matrix].At(registers);
            nint* place = warp.Pointers + (8 * matrix);
            for (int lane = 0; lane < Warp.Lanes; lane++)
            {
                int g = lane / 4;
                int t = 2 * (lane % 4);
                if (site.Detail != 0)
                {
                    ((ushort*)place[t])[g] = (ushort)source[lane];
                    ((ushort*)place[t + 1])[g] = (ushort)(source[lane] >> 16);
                }
                else
                {
                    ((uint*)place[g])[lane % 4] = source[lane];
                }
            }
        }
    }

    private static void Resolve(Warp warp, byte* registers, MemorySite site, bool write)
    {
        MemoryOperations.ReadAddresses(warp, registers, site);
        int lanes = 8 * site.Data.Length;
        for (int lane = 0; lane < lanes; lane++)
        {
            warp.Addresses[lane] -= warp.Addresses[lane] >= AddressSpaces.SharedWindow && site.Space == Ptx.PtxStateSpace.Generic ? AddressSpaces.SharedWindow : 0;
            warp.Pointers[lane] = (nint)SharedAccess.Resolve(warp, site, lane, warp.Addresses[lane], RowBytes, write);
        }

        SharedAccess.CountWavefronts(warp, lanes == 32 ? uint.MaxValue : (1u << lanes) - 1, RowBytes);
    }
}
