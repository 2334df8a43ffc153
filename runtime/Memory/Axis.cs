using System.Globalization;

namespace GptEngine.Runtime.Memory;

/// <summary>What an operation expects of one axis of a tensor; prints as <c>C=768</c>, <c>T≥128</c>, <c>768</c> or <c>any</c>.</summary>
/// <param name="Letter">The shape letter of the axis, or null.</param>
/// <param name="Size">The size that it must have; -1 accepts any.</param>
/// <param name="OrMore">Whether a larger size will do as well.</param>
public readonly record struct Axis(string? Letter, long Size, bool OrMore = false)
{
    public static implicit operator Axis(long size) => new(null, size);

    /// <summary>An axis of any size.</summary>
    public static implicit operator Axis(string letter) => new(letter, -1);

    public static implicit operator Axis((string Letter, long Size) axis) => new(axis.Letter, axis.Size);

    /// <summary>An axis of <paramref name="size"/> or more.</summary>
    public static Axis AtLeast(string letter, long size) => new(letter, size, OrMore: true);

    /// <summary>Whether an axis of <paramref name="size"/> will do.</summary>
    public bool Accepts(long size) => Size == -1 || size == Size || (OrMore && size > Size);

    public override string ToString()
    {
        string size = Size.ToString(CultureInfo.InvariantCulture);
        return Size == -1 ? Letter ?? "any" : Letter is null ? size : $"{Letter}{(OrMore ? "≥" : "=")}{size}";
    }
}
