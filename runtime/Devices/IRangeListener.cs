namespace GptEngine.Runtime.Devices;

/// <summary>
/// Hears where named stretches of work begin and end, as the host enqueues them. They nest. Work that is replayed as a graph was enqueued
/// when it was captured: of a replay only the stretches around it are heard. Neither call may throw, and neither may allocate for a
/// name that it has heard before.
/// </summary>
public interface IRangeListener
{
    /// <param name="name">What begins.</param>
    /// <param name="number">Which of its kind, where that changes from time to time: step, micro-step. Otherwise 0.</param>
    void Begin(RangeName name, long number);

    /// <param name="name">What ends: what began last.</param>
    void End(RangeName name);
}
