using System.Globalization;

namespace GptEngine.Runtime.Cuda;

/// <summary>Extents of a grid or a block.</summary>
public readonly record struct GridSize(int X, int Y = 1, int Z = 1)
{
    /// <summary>A size along x alone.</summary>
    public static implicit operator GridSize(int x) => new(x);

    /// <summary>Product of the three.</summary>
    public long Count => (long)X * Y * Z;

    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"({X}, {Y}, {Z})");
}
