using System.Collections.Generic;
using GptEngine.Runtime.Memory;

namespace GptEngine.Engine.Checkpoints;

/// <summary>One tensor of a safetensors file, checked against the file.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Type">Its element type.</param>
/// <param name="Shape">Its axes.</param>
/// <param name="Count">Elements.</param>
/// <param name="Offset">Byte of the file where it starts.</param>
public sealed record SafetensorsEntry(string Name, DataType Type, IReadOnlyList<long> Shape, long Count, long Offset)
{
    public long Bytes => Count * Type.SizeInBytes();
}
