using GptEngine.Runtime;
using GptEngine.Runtime.Cuda;

namespace GptEngine.Perf.MachineCode;

/// <summary>
/// Device memory as the model has it: a rate that copies reach, and a latency while they do. Both are what others measured: te42kyfo/gpu-benches,
/// gpu-stream, on V100, A100 80 GB and H200. The rate is the best there of its kernels that read and write (V100 814 of 900 GB/s, A100 1,759 of
/// 2,039) and, on the H200, whose reads and writes had too little under way there, that of its writes (3,898 of 4,800). The latency follows by
/// Little's law from "scale", 8 bytes a thread, where it is within some 80 to 90 % of that: threads · 8 bytes over half the rate.
/// </summary>
/// <param name="CopyRate">Bytes a second, read and written.</param>
/// <param name="LoadedLatency">Seconds from a load to its data while memory is busy.</param>
/// <param name="LaunchSeconds">
/// Of a node of a graph: what an empty one takes, from gpu-small-kernels (A100 1.4 µs, H200 2.3 µs; the V100's is an estimate).
/// </param>
internal sealed record MemorySystem(double CopyRate, double LoadedLatency, double LaunchSeconds)
{
    /// <exception cref="UserErrorException">There are no figures for it.</exception>
    public static MemorySystem Of(GpuDeviceProperties gpu) => gpu.Architecture switch
    {
        70 => new MemorySystem(814e9, 490e-9, 1.8e-6),
        80 => new MemorySystem(1759e9, 560e-9, 1.4e-6),
        90 => new MemorySystem(3898e9, 680e-9, 2.3e-6),
        _ => throw new UserErrorException($"There are no figures of memory for sm_{gpu.Architecture}. Choose sm_70, sm_80 or sm_90.", ExitCode.Usage),
    };
}
