namespace GptEngine.Runtime.Simulator.Translation;

/// <summary>
/// Where an operand's 32 lanes lie: at an offset into the warp's registers, or, for constants, at a fixed place in memory.
/// </summary>
/// <param name="Place">Offset or address.</param>
/// <param name="IsConstant">Whether it is an address.</param>
/// <param name="Size">Bytes a lane; 0 is a predicate, 32 bits for the whole row.</param>
internal readonly record struct Row(long Place, bool IsConstant, int Size)
{
    /// <summary>A destination that nobody reads.</summary>
    internal static Row Sink => new(-1, false, 0);

    internal bool IsSink => Place < 0;

    internal unsafe byte* At(byte* registers) => IsConstant ? (byte*)Place : registers + Place;
}
