namespace GptEngine.Runtime.Cuda.Tracing;

/// <summary>What a GPU did.</summary>
public enum GpuActivityKind
{
    Kernel,
    Copy,
    Fill,
}
