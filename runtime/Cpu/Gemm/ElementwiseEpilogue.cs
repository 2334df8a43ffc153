using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using GptEngine.Runtime.Cpu.VectorMath;

namespace GptEngine.Runtime.Cpu.Gemm;

/// <summary>Hands the product's elements to an operation, a vector at a time, in vectors as wide as the processor's.</summary>
/// <typeparam name="TOperation">The operation; inlined.</typeparam>
public readonly struct ElementwiseEpilogue<TOperation>(TOperation operation) : IGemmEpilogue
    where TOperation : struct, ITileOperation
{
    private readonly TOperation _operation = operation;

    public void Store(in GemmTile tile, int worker)
    {
        if (Vector512.IsHardwareAccelerated)
            Store<Float512>(in tile);
        else if (Vector256.IsHardwareAccelerated)
            Store<Float256>(in tile);
        else
            Store<Float128>(in tile);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private unsafe void Store<T>(in GemmTile tile)
        where T : struct, IVectorFloat<T>
    {
        // Narrow tiles of a narrower instruction set are finished by partial vectors, which is right if not fast.
        float* row = tile.Values;
        for (int i = 0; i < tile.Rows; i++, row += tile.Stride)
        {
            int j = 0;
            for (; j + T.Count <= tile.Columns; j += T.Count)
                _operation.Apply(T.Load(row + j), tile.Row + i, tile.Column + j, T.Count);
            if (j < tile.Columns)
                _operation.Apply(T.LoadPartial(row + j, tile.Columns - j), tile.Row + i, tile.Column + j, tile.Columns - j);
        }
    }
}
