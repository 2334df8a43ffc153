using System.Collections.Generic;
using System.Collections.Immutable;
using System.Linq;

namespace GptEngine.Runtime.Simulator.Conformance;

/// <summary>The forms of wgmma.mma_async that two devices are held against each other by.</summary>
public static class ProductCatalogue
{
    private static readonly int[] Swizzles = [0, 32, 64, 128];

    /// <summary>Every layout of A and of B, every N, starts inside a pattern, base offsets, signs.</summary>
    public static ImmutableArray<ProductCase> All { get; } = [.. Make().Distinct()];

    private static IEnumerable<ProductCase> Make()
    {
        var plain = new ProductLayout(0, false);
        foreach (ProductLayout layout in Swizzles.SelectMany(bytes => new[] { new ProductLayout(bytes, false), new ProductLayout(bytes, true) }))
        {
            yield return new ProductCase("bf16", 64, layout, plain);
            yield return new ProductCase("f16", 64, null, layout);
            yield return new ProductCase("bf16", 160, layout, layout);
        }

        for (int n = 8; n <= 256; n += 8)
        {
            yield return new ProductCase(n % 16 == 0 ? "bf16" : "f16", n, null, new ProductLayout(128, n / 8 % 3 == 0), n / 8 % 8);
        }

        foreach (int bytes in new[] { 64, 128 })
        {
            yield return new ProductCase("bf16", 64, new ProductLayout(bytes, false, (bytes / 32) - 1), new ProductLayout(bytes, false, 1));
        }

        foreach (int bytes in new[] { 32, 64, 128 })
        {
            yield return new ProductCase("bf16", 64, new ProductLayout(bytes, false, 0, 1), new ProductLayout(bytes, true, 0, 1));
            yield return new ProductCase("bf16", 64, new ProductLayout(bytes, true, 0, 3), new ProductLayout(bytes, false, 0, 3));
        }

        foreach (int bytes in Swizzles)
        {
            yield return new ProductCase("tf32", 48, new ProductLayout(bytes, false), new ProductLayout(bytes, false));
            yield return new ProductCase("tf32", 256, null, new ProductLayout(bytes, false));
        }
    }
}
