using System;
using GptEngine.Kernels.Attention;
using GptEngine.Kernels.Common.Cpu;
using GptEngine.Runtime.Cpu;
using GptEngine.Runtime.Cpu.Gemm;

namespace GptEngine.Kernels.CrossEntropy;

/// <summary>
/// The head and its loss on the CPU, chunk of rows by chunk of rows. Everything is kept transposed, (vocabulary, tokens), so that the weight
/// is read as it lies by all three products, nothing large is ever packed, and softmax's reductions run down the lanes of vectors.
/// </summary>
internal static unsafe class CrossEntropyHeadCpu<V>
    where V : unmanaged, ISimd<V>
{
    public static long WorkspaceFloats(long rows, long channels, long paddedVocabulary, int threads)
    {
        var blocking = new HeadBlocking(rows, channels, paddedVocabulary, TileProduct<V>.ColumnMultiple);
        return new HeadWorkspace(null, blocking, threads).Floats;
    }

    /// <summary>Runs all chunks. <paramref name="arguments"/> lacks only the chunk and the memory's layout.</summary>
    public static void Run(CpuThreadPool pool, HeadArguments arguments, long rows, long paddedVocabulary, float* workspace)
    {
        arguments.Blocking = new HeadBlocking(rows, arguments.Channels, arguments.Vocabulary, TileProduct<V>.ColumnMultiple);
        arguments.Memory = new HeadWorkspace(workspace, arguments.Blocking, pool.ThreadCount);
        if (arguments.GradX != null && !arguments.Accumulate)
            ClearPadding(arguments, paddedVocabulary);
        int chunkRows = arguments.Blocking.ChunkRows;
        for (long first = 0; first < rows; first += chunkRows)
        {
            arguments.FirstRow = first;
            arguments.Rows = (int)Math.Min(chunkRows, rows - first);
            LoadInput(arguments);
            pool.RunDynamic(arguments.Blocking.Slices, new HeadLogitsCpu<V>(arguments));
            pool.Run(arguments.Rows, new HeadLossesCpu(arguments), 16);
            if (arguments.GradX == null)
                continue;
            pool.RunDynamic(arguments.Blocking.Slices, new HeadGradientsCpu<V>(arguments));
            pool.Run(arguments.Rows, new HeadReduceCpu<V>(arguments), 1);
        }
    }

    private static void LoadInput(in HeadArguments arguments)
    {
        float* x = arguments.X + (arguments.FirstRow * arguments.Channels);
        HeadWorkspace memory = arguments.Memory;
        new RowMajorLines(x, arguments.Channels).Pack(0, arguments.Rows, arguments.Blocking.Stride, 0, arguments.Channels, true, memory.InputTransposed);
        AttentionTile<V>.CopyRows(x, arguments.Channels, arguments.Rows, arguments.Channels, memory.InputRows, arguments.Blocking.InputStride);
        new Span<float>(memory.LogSumExp + arguments.Rows, arguments.Blocking.ChunkRows - arguments.Rows).Clear();
    }

    private static void ClearPadding(in HeadArguments arguments, long paddedVocabulary)
    {
        long padding = paddedVocabulary - arguments.Vocabulary;
        new Span<float>(arguments.GradWeight + ((long)arguments.Vocabulary * arguments.Channels), checked((int)(padding * arguments.Channels))).Clear();
        if (arguments.GradBias != null)
            new Span<float>(arguments.GradBias + arguments.Vocabulary, (int)padding).Clear();
    }
}
