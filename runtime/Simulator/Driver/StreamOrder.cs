namespace GptEngine.Runtime.Simulator.Driver;

/// <summary>
/// When the streams of a simulated GPU do their work. A real one promises no more than the order that events make; each of these keeps to that
/// promise and to nothing beyond it, so that a wait which is missing shows.
/// </summary>
public enum StreamOrder
{
    /// <summary>When it is given: as if all waited for all.</summary>
    AtOnce,

    /// <summary>The first stream, a device's compute stream, when it is given; the others as late as something waits for it.</summary>
    OthersLate,

    /// <summary>The others when it is given; the first as late as something waits for it.</summary>
    FirstLate,
}
