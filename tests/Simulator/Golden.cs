using System;
using System.IO;
using NUnit.Framework;

namespace GptEngine.Tests.Simulator;

/// <summary>The CUDA sources of these tests and the PTX that NVRTC made of them.</summary>
internal static class Golden
{
    internal static string Read(string name) => File.ReadAllText(Path.Combine(TestContext.CurrentContext.TestDirectory, "Golden", "ptx", name));

    /// <summary>The line that carries the mark "LINE name".</summary>
    internal static int LineOf(string source, string mark)
    {
        string[] lines = Read(source).Split('\n');
        return Array.FindIndex(lines, l => l.EndsWith("// LINE " + mark, StringComparison.Ordinal)) + 1;
    }
}
