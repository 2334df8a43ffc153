namespace GptEngine.Kernels.CrossEntropy;

/// <summary>What every phase of the head over one chunk of rows needs. Null pointers as in the operations interface.</summary>
internal unsafe struct HeadArguments
{
    public float* X;
    public float* Weight;
    public float* Bias;
    public int* Targets;
    public float* Losses;
    public float* GradX;
    public float* GradWeight;
    public float* GradBias;

    /// <summary>C.</summary>
    public int Channels;

    /// <summary>V.</summary>
    public int Vocabulary;

    /// <summary>What gradients are multiplied by.</summary>
    public float Scale;

    /// <summary>First row of the chunk.</summary>
    public long FirstRow;

    /// <summary>Rows of the chunk that exist.</summary>
    public int Rows;

    /// <summary>Whether the weight's gradient is added to.</summary>
    public bool Accumulate;

    public HeadBlocking Blocking;
    public HeadWorkspace Memory;
}
