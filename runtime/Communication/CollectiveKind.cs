namespace GptEngine.Runtime.Communication;

/// <summary>What ranks do together.</summary>
public enum CollectiveKind : byte
{
    AllReduce,
    ReduceScatter,
    AllGather,
    Broadcast,
}
