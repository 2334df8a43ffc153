using System.Globalization;

namespace GptEngine.Runtime.Cuda;

/// <summary>How a kernel is launched.</summary>
/// <param name="Grid">Blocks.</param>
/// <param name="Block">Threads of a block.</param>
/// <param name="SharedBytes">Dynamic shared memory of a block.</param>
public readonly record struct LaunchShape(GridSize Grid, GridSize Block, int SharedBytes = 0)
{
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"grid {Grid}, block {Block}, {SharedBytes} bytes of shared memory");
}
