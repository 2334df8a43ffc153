namespace GptEngine.Runtime.Compile;

/// <summary>What the compiler makes.</summary>
public enum ImageFormat
{
    /// <summary>PTX text for a virtual architecture: the simulator runs it, and a driver makes machine code from it.</summary>
    Ptx,

    /// <summary>Machine code for one architecture.</summary>
    Cubin,
}
