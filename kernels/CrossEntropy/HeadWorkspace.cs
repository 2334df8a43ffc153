namespace GptEngine.Kernels.CrossEntropy;

/// <summary>Where the pieces of the head's workspace are. Each starts on a cache line.</summary>
internal readonly unsafe struct HeadWorkspace
{
    public HeadWorkspace(float* start, in HeadBlocking blocking, int threads)
    {
        float* next = start;
        long rows = blocking.ChunkRows;
        Logits = Take(ref next, (long)blocking.Blocks * HeadBlocking.BlockRows * blocking.Stride);
        BlockMaxima = Take(ref next, blocking.Blocks * rows);
        SliceMaxima = Take(ref next, blocking.Slices * rows);
        SliceSums = Take(ref next, blocking.Slices * rows);
        TargetLogits = Take(ref next, rows);
        LogSumExp = Take(ref next, rows);
        InputTransposed = Take(ref next, (long)blocking.Channels * blocking.Stride);
        InputRows = Take(ref next, rows * blocking.InputStride);
        GradXParts = Take(ref next, blocking.Slices * rows * blocking.PaddedChannels);
        FloatsPerWorker = HeadBlocking.BlockRows * (2L * blocking.PaddedChannels) + ((long)HeadBlocking.BlockRows * blocking.Stride) + rows;
        Workers = Take(ref next, threads * FloatsPerWorker);
        Floats = next - start;
    }

    /// <summary>(V, R) in blocks of vocabulary rows: e^(logit − block's maximum), later the gradient.</summary>
    public float* Logits { get; }

    /// <summary>(blocks, R).</summary>
    public float* BlockMaxima { get; }

    /// <summary>(slices, R).</summary>
    public float* SliceMaxima { get; }

    /// <summary>(slices, R): Σ e^(logit − slice's maximum).</summary>
    public float* SliceSums { get; }

    /// <summary>(R).</summary>
    public float* TargetLogits { get; }

    /// <summary>(R).</summary>
    public float* LogSumExp { get; }

    /// <summary>(C, R): the chunk of x, transposed, zeros for rows past the last.</summary>
    public float* InputTransposed { get; }

    /// <summary>(R, padded C): the chunk of x.</summary>
    public float* InputRows { get; }

    /// <summary>(slices, R, padded C): each slice's part of gradX.</summary>
    public float* GradXParts { get; }

    /// <summary>Private memory of the workers.</summary>
    public float* Workers { get; }

    public long FloatsPerWorker { get; }

    /// <summary>Floats in all.</summary>
    public long Floats { get; }

    private static float* Take(ref float* next, long count)
    {
        float* taken = next;
        next += (count + 15) / 16 * 16;
        return taken;
    }
}
