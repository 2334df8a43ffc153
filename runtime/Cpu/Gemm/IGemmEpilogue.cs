namespace GptEngine.Runtime.Cpu.Gemm;

/// <summary>
/// What becomes of the product: called once for each tile of it, from any worker, disjoint tiles at once. Implement it on a struct that
/// holds pointers; it is copied to every worker.
/// </summary>
public interface IGemmEpilogue
{
    /// <summary>Takes a finished tile. The order of tiles is not fixed; tiles never overlap and cover the product.</summary>
    /// <param name="tile">Sums over all of K; valid during the call.</param>
    /// <param name="worker">Which worker calls: an index for scratch memory.</param>
    void Store(in GemmTile tile, int worker);
}
