using System;
using System.Diagnostics;
using GptEngine.Runtime.Cpu;
using GptEngine.Runtime.Cpu.Gemm;
using GptEngine.Runtime.Devices;
using GptEngine.Runtime.Memory;

namespace GptEngine.Perf.CpuOperations;

/// <summary>What the machine can do at best: a large matrix product, and a copy that no cache holds.</summary>
/// <param name="Flops">Operations a second of a 1536³ product.</param>
/// <param name="BytesPerSecond">Bytes read and written a second.</param>
internal readonly unsafe record struct Floor(double Flops, double BytesPerSecond)
{
    private const int Size = 1536;
    private const long CopyBytes = 128 << 20;

    public static Floor Measure(CpuDevice device, double seconds)
    {
        using var gemm = new CpuGemm(device.Pool, device.Isa);
        using HostMemory memory = HostMemory.Allocate(Math.Max(2 * CopyBytes, 3L * Size * Size * sizeof(float)));
        float* a = (float*)memory.Pointer, b = a + (Size * Size), c = b + (Size * Size);
        for (int i = 0; i < 2 * Size * Size; i++)
            a[i] = (i % 13) - 6;
        double product = Best(seconds, () => gemm.Multiply(Size, Size, Size, a, Size, false, b, Size, true, c, Size));
        var copy = new Copy(memory.Pointer, memory.Pointer + CopyBytes);
        double copied = Best(seconds, () => device.Pool.Run((int)(CopyBytes >> 16), copy));
        return new Floor(2.0 * Size * Size * Size / product, 2 * CopyBytes / copied);
    }

    /// <summary>The shortest of as many runs as fit, after one to warm up.</summary>
    public static double Best(double seconds, Action run)
    {
        run();
        double best = double.MaxValue;
        var all = Stopwatch.StartNew();
        do
        {
            long start = Stopwatch.GetTimestamp();
            run();
            best = Math.Min(best, Stopwatch.GetElapsedTime(start).TotalSeconds);
        }
        while (all.Elapsed.TotalSeconds < seconds);
        return best;
    }

    private readonly struct Copy(byte* from, byte* to) : IParallelWork
    {
        public void Run(int begin, int end, int worker)
        {
            long first = (long)begin << 16, bytes = (long)(end - begin) << 16;
            Buffer.MemoryCopy(from + first, to + first, bytes, bytes);
        }
    }
}
