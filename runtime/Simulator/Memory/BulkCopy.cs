namespace GptEngine.Runtime.Simulator.Memory;

/// <summary>A bulk copy into shared memory that is under way: its bytes are held back until somebody waits for its mbarrier.</summary>
/// <param name="Offset">Where to.</param>
/// <param name="Bytes">What.</param>
/// <param name="Warp">The warp that asked for it.</param>
/// <param name="Time">When.</param>
internal sealed record BulkCopy(int Offset, byte[] Bytes, int Warp, uint Time);
