using System.Globalization;

namespace GptEngine.Runtime.Simulator;

/// <summary>Three extents or three coordinates of a grid or a block.</summary>
public readonly record struct Dimensions(int X, int Y = 1, int Z = 1)
{
    /// <summary>Product of the three.</summary>
    public long Count => (long)X * Y * Z;

    /// <summary>The coordinates of element <paramref name="index"/>, x running fastest.</summary>
    public Dimensions At(long index) => new((int)(index % X), (int)(index / X % Y), (int)(index / X / Y));

    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"({X}, {Y}, {Z})");
}
