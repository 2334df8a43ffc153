using System;
using System.IO;

namespace GptEngine.Tests;

/// <summary>Where the working tree is that these tests were built from.</summary>
internal static class Repository
{
    /// <summary>The folder of GptEngine.sln.</summary>
    public static string Root { get; } = Find(AppContext.BaseDirectory);

    private static string Find(string folder) => File.Exists(Path.Combine(folder, "GptEngine.sln"))
        ? folder
        : Find(Path.GetDirectoryName(folder) ?? throw new InvalidOperationException($"no GptEngine.sln above {AppContext.BaseDirectory}"));
}
