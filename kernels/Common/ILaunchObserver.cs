using GptEngine.Runtime.Cuda;

namespace GptEngine.Kernels.Common;

/// <summary>
/// Hears of each piece of work that operations enqueue on a GPU, on the thread that enqueues it. What is enqueued between a beginning and its
/// end is part of that piece: our own matrix product is heard as a product and not as the kernel that it is.
/// </summary>
public interface ILaunchObserver
{
    /// <summary>A piece of work is about to be enqueued.</summary>
    void BeginLaunch();

    /// <summary>It has been enqueued.</summary>
    /// <param name="name">A kernel's name expression, a product's kind, <c>fill</c> or <c>copy</c>.</param>
    /// <param name="part">The kernel's folder, as in <see cref="KernelInstance.Source"/>; otherwise as the name of its kind.</param>
    /// <param name="shape">Its launch; null for what a library or the driver launches.</param>
    /// <param name="cost">The least that it must move and compute, where it says so itself; null for a kernel, whose operation does.</param>
    void EndLaunch(string name, string part, LaunchShape? shape, KernelCost? cost);
}
