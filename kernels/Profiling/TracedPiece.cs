using GptEngine.Runtime.Cuda;

namespace GptEngine.Kernels.Profiling;

/// <summary>A piece of work as the host enqueued it, to be found again among what the GPU recorded.</summary>
/// <param name="Name">A kernel's name expression, a product's kind, <c>fill</c>, <c>copy</c>, or <see cref="ProfiledCommunicator.Wait"/>.</param>
/// <param name="Shape">A kernel's launch; null for what a library or the driver launches.</param>
/// <param name="Enqueued">When the host was about to enqueue it, in nanoseconds of the trace.</param>
/// <param name="Collectives">How many collectives of the step were enqueued before it.</param>
internal sealed record TracedPiece(string Name, LaunchShape? Shape, long Enqueued, int Collectives)
{
    /// <summary>Whether it is the wait for collectives, of which a GPU records nothing.</summary>
    public bool IsWait => Name == ProfiledCommunicator.Wait;
}
