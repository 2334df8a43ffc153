using GptEngine.Runtime.Cpu.VectorMath;

namespace GptEngine.Runtime.Cpu.Gemm;

/// <summary>What <see cref="ElementwiseEpilogue{TOperation}"/> does with each run of elements of the product.</summary>
public interface ITileOperation
{
    /// <summary>Takes elements (row, column) … (row, column + count − 1). Where count is less than T.Count, memory behind them must be
    /// neither read nor written: use the partial loads and stores.</summary>
    void Apply<T>(T product, int row, int column, int count)
        where T : struct, IVectorFloat<T>;
}
