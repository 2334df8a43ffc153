using System;
using System.Globalization;
using NUnit.Framework;

namespace GptEngine.Tests.Common;

/// <summary>
/// Where a test's random inputs start: by default at a number of the test's own, so that a run that failed fails again and one that passed
/// passes. <c>GPTENGINE_TEST_SEED=fresh</c> draws new inputs every run, which is how to look for trouble; a failure prints the seed, and
/// <c>GPTENGINE_TEST_SEED=N</c> runs with it again.
/// </summary>
internal static class TestSeed
{
    public static int Next()
    {
        string? text = Environment.GetEnvironmentVariable("GPTENGINE_TEST_SEED");
        return text == "fresh" ? Random.Shared.Next()
            : int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int seed) ? seed
            : OfName(TestContext.CurrentContext.Test.FullName);
    }

    /// <summary>FNV-1a: the same number on every machine, which string's own hash is not.</summary>
    private static int OfName(string name)
    {
        uint hash = 2166136261;
        foreach (char c in name)
        {
            hash = (hash ^ c) * 16777619;
        }

        return (int)(hash & int.MaxValue);
    }
}
