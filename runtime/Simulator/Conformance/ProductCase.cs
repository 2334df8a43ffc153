using System.Globalization;

namespace GptEngine.Runtime.Simulator.Conformance;

/// <summary>A form of wgmma.mma_async to be tried: what it multiplies, and how its operands lie in shared memory.</summary>
/// <param name="Type">bf16, f16 or tf32.</param>
/// <param name="N">Columns: 8 to 256.</param>
/// <param name="Left">A in shared memory; null for registers.</param>
/// <param name="Right">B.</param>
/// <param name="Signs">Bits 0 and 1: A, B negated. Bit 2: the sums so far do not count.</param>
public sealed record ProductCase(string Type, int N, ProductLayout? Left, ProductLayout Right, int Signs = 0)
{
    /// <summary>What both operands lie in.</summary>
    public const int SharedBytes = 80 << 10;

    /// <summary>Where B begins.</summary>
    public const int RightStart = 40 << 10;

    /// <summary>Values summed over: 32 bytes of them.</summary>
    public int Depth => Type == "tf32" ? 8 : 16;

    /// <summary>What a table calls it.</summary>
    public string Name => string.Create(
        CultureInfo.InvariantCulture, $"wgmma.m64n{N}k{Depth}.{Type}{(Signs == 0 ? "" : $" signs {Signs}")} A {Left?.ToString() ?? "registers"}, B {Right}");

    /// <summary>A's descriptor, for shared memory that starts at address 0; 0 where A is in registers.</summary>
    public ulong LeftDescriptor => Left?.Descriptor(0, 64, Depth) ?? 0;

    /// <summary>B's.</summary>
    public ulong RightDescriptor => Right.Descriptor(RightStart, N, Depth);
}
