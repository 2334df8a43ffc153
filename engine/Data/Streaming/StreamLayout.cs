namespace GptEngine.Engine.Data.Streaming;

/// <summary>Where the tokens of a stream's file are.</summary>
/// <param name="OffsetBytes">Where they start.</param>
/// <param name="Count">How many they are.</param>
/// <param name="TokenBytes">2 for uint16, 4 for uint32.</param>
internal readonly record struct StreamLayout(long OffsetBytes, long Count, int TokenBytes);
