using System;
using System.Linq;
using GptEngine.Perf.MachineCode;
using GptEngine.Runtime.Cuda;

namespace GptEngine.Perf.Step;

/// <summary>
/// What a matrix product of the library takes: an assumption, by shape. The tensor cores' sustained share at the best shapes, less a tenth for
/// the usual ones, is what its author remembered of published tables (Bekman, "Machine Learning Engineering": A100 0.87, H200 0.80 of the data
/// sheet) and did not look up again; a V100's 0.80 is an estimate. Tiles fill whole waves of multiprocessors; where a product has few, its
/// depth is split.
/// </summary>
internal static class ProductModel
{
    private const double UsualShare = 0.9;
    private const int LeastSplitDepth = 1024;
    private const int LargestSplit = 16;

    private static readonly (int Rows, int Columns)[] Tiles = [(256, 128), (128, 256), (128, 128), (128, 64), (64, 128)];

    /// <summary>Seconds of a product on a GPU.</summary>
    public static double Seconds(MatrixProduct product, GpuDeviceProperties gpu)
    {
        double best = gpu.Architecture switch { 80 => 0.87, _ => 0.80 };
        double peak = gpu.TensorThroughput * best * UsualShare;
        double compute = Tiles.Min(tile => product.Flops / (peak * FillOf(product, tile.Rows, tile.Columns, gpu.MultiprocessorCount) * ReuseOf(tile.Rows, tile.Columns)));
        return Math.Max(compute, product.Bytes / MemorySystem.Of(gpu).CopyRate);
    }

    // How much of the last wave, and of the tiles at the edges, is of use.
    private static double FillOf(MatrixProduct product, int rows, int columns, int multiprocessors)
    {
        double tiles = Math.Ceiling(product.Rows / (double)rows) * Math.Ceiling(product.Columns / (double)columns);
        double inside = product.Rows * (double)product.Columns / (tiles * rows * columns);
        int splits = (int)Math.Clamp(product.Depth / LeastSplitDepth, 1, LargestSplit);
        return inside * Enumerable.Range(1, splits).Max(split => tiles * split / (Math.Ceiling(tiles * split / multiprocessors) * multiprocessors));
    }

    // Small tiles read their operands more often.
    private static double ReuseOf(int rows, int columns) => rows * columns >= 256 * 128 ? 1 : rows * columns >= 128 * 128 ? 0.9 : 0.75;
}
