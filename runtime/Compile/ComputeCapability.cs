using System;
using System.Globalization;

namespace GptEngine.Runtime.Compile;

/// <summary>A GPU architecture by its compute capability: 7.0 is V100, 8.0 A100, 9.0 H100 and H200.</summary>
/// <param name="Major">Architecture.</param>
/// <param name="Minor">Variant of it.</param>
public readonly record struct ComputeCapability(int Major, int Minor) : IComparable<ComputeCapability>
{
    /// <summary>Both in one number: 80 for 8.0.</summary>
    public int Number => (Major * 10) + Minor;

    /// <summary>The machine code's name: sm_80.</summary>
    public string RealName => $"sm_{Number}";

    /// <summary>The PTX target's name: compute_80.</summary>
    public string VirtualName => $"compute_{Number}";

    /// <summary>
    /// The machine code's name where it may have instructions that this architecture alone has, and runs on no other: sm_90a, which has wgmma.
    /// </summary>
    public string SpecificRealName => $"{RealName}a";

    /// <summary>The same as a PTX target: compute_90a.</summary>
    public string SpecificVirtualName => $"{VirtualName}a";

    /// <summary>From 70, 80, 90 and the like.</summary>
    public static ComputeCapability FromNumber(int number) => new(number / 10, number % 10);

    /// <summary>From <c>sm_80</c>, <c>compute_80</c> or <c>80</c>.</summary>
    /// <exception cref="UserErrorException">It is none of these.</exception>
    public static ComputeCapability Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        ReadOnlySpan<char> digits = text.AsSpan(text.LastIndexOf('_') + 1);
        ReadOnlySpan<char> prefix = text.AsSpan(0, text.Length - digits.Length);
        if (prefix is "" or "sm_" or "compute_"
            && int.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out int number) && number is >= 10 and < 1000)
        {
            return FromNumber(number);
        }

        throw new UserErrorException($"'{text}' is no GPU architecture. Name one such as sm_70, sm_80 or sm_90.", ExitCode.Usage);
    }

    /// <inheritdoc/>
    public int CompareTo(ComputeCapability other) => Number.CompareTo(other.Number);

    public static bool operator <(ComputeCapability left, ComputeCapability right) => left.Number < right.Number;

    public static bool operator >(ComputeCapability left, ComputeCapability right) => left.Number > right.Number;

    public static bool operator <=(ComputeCapability left, ComputeCapability right) => left.Number <= right.Number;

    public static bool operator >=(ComputeCapability left, ComputeCapability right) => left.Number >= right.Number;

    public override string ToString() => RealName;
}
