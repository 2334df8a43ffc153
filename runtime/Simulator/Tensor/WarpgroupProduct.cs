namespace GptEngine.Runtime.Simulator.Tensor;

/// <summary>What one wgmma.mma_async computes: 64 rows by N columns over 32 bytes of each row of A and column of B.</summary>
internal sealed record WarpgroupProduct
{
    /// <summary>Rows of the product.</summary>
    internal const int Rows = 64;

    /// <summary>Rows that each of the four warps has.</summary>
    internal const int WarpRows = 16;

    /// <summary>Columns.</summary>
    internal required int N { get; init; }

    internal required ProductType Type { get; init; }

    /// <summary>Whether A comes by a descriptor; else it is in four registers.</summary>
    internal required bool IsLeftShared { get; init; }

    /// <summary>Whether rows lie side by side in shared memory (M-major), not what is summed over.</summary>
    internal required bool IsLeftDown { get; init; }

    /// <summary>The same of B: N-major.</summary>
    internal required bool IsRightDown { get; init; }

    /// <summary>Whether the product counts negatively: one of A and B is negated.</summary>
    internal required bool IsNegated { get; init; }

    /// <summary>Whether the predicate that says if the sums so far count is read negated.</summary>
    internal required bool IsScaleNegated { get; init; }

    /// <summary>The sums' registers by their number in the kernel's web.</summary>
    internal required int[] Sums { get; init; }

    /// <summary>A's registers, where it is in registers.</summary>
    internal required int[] Left { get; init; }

    /// <summary>What is summed over: 16 values of 16 bits, 8 of 32.</summary>
    internal int Depth => Type == ProductType.TensorFloat32 ? 8 : 16;
}
