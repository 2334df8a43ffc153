namespace GptEngine.Runtime.Simulator.Operations;

/// <summary>A binary floating-point format of IEEE 754's shape.</summary>
/// <param name="Precision">Bits of the significand with the hidden one.</param>
/// <param name="ExponentBits">Width of the exponent field.</param>
internal readonly record struct FloatFormat(int Precision, int ExponentBits)
{
    internal static FloatFormat Half => new(11, 5);

    internal static FloatFormat BFloat16 => new(8, 8);

    internal static FloatFormat TensorFloat32 => new(11, 8);

    internal static FloatFormat Single => new(24, 8);

    internal static FloatFormat Double => new(53, 11);

    internal int MaximumExponent => (1 << (ExponentBits - 1)) - 1;

    internal int MinimumExponent => 1 - MaximumExponent;

    internal int SignShift => Precision - 1 + ExponentBits;

    internal ulong InfinityBits => (((1ul << ExponentBits) - 1) << (Precision - 1));

    internal ulong LargestBits => InfinityBits - 1;

    /// <summary>The NaN that PTX's arithmetic returns: all ones but the sign.</summary>
    internal ulong CanonicalNaN => (1ul << SignShift) - 1;
}
