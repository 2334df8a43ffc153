using System.Collections.Generic;

namespace GptEngine.Runtime.Native;

/// <summary>What came of opening a shared library.</summary>
/// <param name="Library">The library asked for.</param>
/// <param name="Handle">The loader's handle; 0 where none was found.</param>
/// <param name="Path">The file that was opened; null where none was found.</param>
/// <param name="Failures">Files that were there and could not be opened, each with the loader's reason.</param>
public sealed record NativeLibraryOpening(NativeLibraryName Library, nint Handle, string? Path, IReadOnlyList<string> Failures)
{
    public bool IsOpen => Handle != 0;

    /// <summary>One or two sentences: where it is, or what to do about its absence.</summary>
    public string Describe()
    {
        if (IsOpen)
            return $"{Library.ImportName}: {Path}";
        string reason = Failures.Count > 0
            ? $"'{Failures[0]}'"
            : $"looked on the loader's path, in CUDA's folders, in Python's nvidia wheels and in our cache for {string.Join(", ", Library.FileNames)}";
        return $"The library {Library.ImportName} could not be opened ({reason}). {Library.Remedy}";
    }
}
