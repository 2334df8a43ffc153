using GptEngine.Runtime.Memory;

namespace GptEngine.Kernels.Conformance;

/// <summary>What an operation wrote to one tensor.</summary>
/// <param name="Values">As numbers.</param>
/// <param name="Bytes">As it lay in memory.</param>
/// <param name="Type">How it is stored.</param>
public sealed record OperationResult(double[] Values, byte[] Bytes, DataType Type);
