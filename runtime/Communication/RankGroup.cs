namespace GptEngine.Runtime.Communication;

/// <summary>The ranks of a run as one of them sees them: collectives between the devices, and control between the hosts.</summary>
/// <param name="Collectives">Over device memory.</param>
/// <param name="Control">Over the hosts' network.</param>
public sealed record RankGroup(Communicator Collectives, RankControl Control)
{
    public int Rank => Control.Rank;

    public int WorldSize => Control.WorldSize;
}
