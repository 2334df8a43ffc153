using System;
using GptEngine.Runtime.Memory;

namespace GptEngine.Kernels.Common.Cpu;

/// <summary>Small private memory of each worker, for rows and tiles that live within one item of work. Committed as it is first used.</summary>
internal sealed unsafe class WorkerScratch(int workers) : IDisposable
{
    /// <summary>Floats a worker has.</summary>
    public const long FloatsPerWorker = 2 << 20;

    private readonly HostMemory _memory = HostMemory.Allocate(workers * FloatsPerWorker * sizeof(float));

    /// <summary>The first float of worker <paramref name="worker"/>.</summary>
    public float* Of(int worker) => (float*)_memory.Pointer + (worker * FloatsPerWorker);

    public void Dispose() => _memory.Dispose();
}
