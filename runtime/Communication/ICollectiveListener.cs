using GptEngine.Runtime.Cuda;

namespace GptEngine.Runtime.Communication;

/// <summary>
/// Hears where collectives begin and end on the queue that they run on: in the order in which they were enqueued, from the first one after
/// it was set, and one at a time. Neither call may wait.
/// </summary>
public interface ICollectiveListener
{
    /// <param name="queue">
    /// The stream that takes the next collective, which the caller enqueues on returning; null where the collective itself begins now, on the
    /// caller's thread.
    /// </param>
    void Begin(GpuStream? queue);

    /// <param name="queue">The stream that has taken the collective; null where it has just ended, on the caller's thread.</param>
    void End(GpuStream? queue);
}
