namespace GptEngine.Runtime.Communication.Host;

/// <summary>What ranks do together.</summary>
internal enum CollectiveKind : byte
{
    AllReduce,
    ReduceScatter,
    AllGather,
    Broadcast,
}
