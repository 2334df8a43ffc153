namespace GptEngine.Runtime.Communication.Tcp;

/// <summary>What a connection between ranks is for.</summary>
internal enum ConnectionPurpose : byte
{
    /// <summary>To rank 0, for <see cref="RankControl"/>.</summary>
    Control = 1,

    /// <summary>To the next rank, for collectives over TCP.</summary>
    Ring = 2,
}
