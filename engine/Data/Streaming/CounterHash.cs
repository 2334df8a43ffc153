namespace GptEngine.Engine.Data.Streaming;

/// <summary>Random numbers by position: the finalizer of SplitMix64 (Steele et al. 2014), applied twice with the seed in between.</summary>
internal static class CounterHash
{
    public static ulong Of(ulong seed, ulong counter) => Mix(Mix(counter + 0x9E37_79B9_7F4A_7C15) ^ seed);

    private static ulong Mix(ulong z)
    {
        z = (z ^ (z >> 30)) * 0xBF58_476D_1CE4_E5B9;
        z = (z ^ (z >> 27)) * 0x94D0_49BB_1331_11EB;
        return z ^ (z >> 31);
    }
}
