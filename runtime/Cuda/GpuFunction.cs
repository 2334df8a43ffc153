namespace GptEngine.Runtime.Cuda;

/// <summary>A kernel of a loaded module.</summary>
public abstract class GpuFunction
{
    public abstract string Name { get; }

    /// <summary>Bytes of shared memory that it declares itself.</summary>
    public abstract int StaticSharedBytes { get; }

    /// <summary>Bytes of local memory of a thread.</summary>
    public abstract int LocalBytes { get; }

    /// <summary>Registers of a thread.</summary>
    public abstract int RegisterCount { get; }

    /// <summary>Most threads that a block of it can have.</summary>
    public abstract int MaximumThreadsPerBlock { get; }

    /// <summary>Most dynamic shared memory that a launch may ask for; raised to above 48 KiB before such a launch.</summary>
    public abstract int MaximumDynamicSharedBytes { get; set; }
}
