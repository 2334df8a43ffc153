using System;
using System.Runtime.CompilerServices;
using GptEngine.Runtime.Cpu;

namespace GptEngine.Kernels.Common.Cpu;

/// <summary>Clears memory, by items of a fixed size.</summary>
internal readonly unsafe struct ZeroCpu(byte* destination, long bytes) : IParallelWork
{
    private const long ItemBytes = 1 << 16;

    public static int ItemsOf(long bytes) => checked((int)((bytes + ItemBytes - 1) / ItemBytes));

    public void Run(int begin, int end, int worker)
    {
        for (long at = begin * ItemBytes; at < Math.Min(bytes, end * ItemBytes); at += ItemBytes)
            Unsafe.InitBlockUnaligned(destination + at, 0, (uint)Math.Min(ItemBytes, bytes - at));
    }
}
