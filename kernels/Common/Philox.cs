using System;

namespace GptEngine.Kernels.Common;

/// <summary>
/// Philox4x32-10, the counter-based generator of Salmon et al. 2011 ("Parallel random numbers: as easy as 1, 2, 3", table 2 and
/// section 4.3): the same key and counter give the same four words on every device.
/// </summary>
public static class Philox
{
    private const uint Multiplier0 = 0xD2511F53;
    private const uint Multiplier1 = 0xCD9E8D57;
    private const uint Weyl0 = 0x9E3779B9;
    private const uint Weyl1 = 0xBB67AE85;
    private const int Rounds = 10;

    /// <summary>The four words of one counter.</summary>
    public static (uint X, uint Y, uint Z, uint W) Draw(ulong key, uint x, uint y, uint z, uint w)
    {
        uint key0 = (uint)key;
        uint key1 = (uint)(key >> 32);
        for (int round = 0; round < Rounds; round++)
        {
            ulong product0 = (ulong)Multiplier0 * x;
            ulong product1 = (ulong)Multiplier1 * z;
            (x, y, z, w) = ((uint)(product1 >> 32) ^ y ^ key0, (uint)product1, (uint)(product0 >> 32) ^ w ^ key1, (uint)product0);
            key0 += Weyl0;
            key1 += Weyl1;
        }

        return (x, y, z, w);
    }

    /// <summary>A float in (0, 1] from a word: (word + 1)/2³², rounded to float.</summary>
    public static float ToUnit(uint word) => (word + 1.0f) * (1.0f / 4294967296.0f);

    /// <summary>Two independent standard normal numbers from two words (Box and Muller 1958).</summary>
    public static (float First, float Second) ToNormal(uint first, uint second)
    {
        // In double: the tails of a float's logarithm near 1 are coarse, and initialisation happens once.
        double radius = Math.Sqrt(-2.0 * Math.Log((first + 1.0) * (1.0 / 4294967296.0)));
        double angle = 2.0 * Math.PI * (second * (1.0 / 4294967296.0));
        return ((float)(radius * Math.Cos(angle)), (float)(radius * Math.Sin(angle)));
    }
}
