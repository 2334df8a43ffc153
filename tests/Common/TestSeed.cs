using System;
using System.Globalization;

namespace GptEngine.Tests.Common;

/// <summary>Fresh random inputs every run; a failure prints the seed, and GPTENGINE_TEST_SEED=N runs with it again.</summary>
internal static class TestSeed
{
    public static int Next() =>
        int.TryParse(Environment.GetEnvironmentVariable("GPTENGINE_TEST_SEED"), NumberStyles.None, CultureInfo.InvariantCulture, out int seed)
            ? seed
            : Random.Shared.Next();
}
