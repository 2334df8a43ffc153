using System.Collections.Generic;

namespace GptEngine.Runtime.Native;

/// <summary>What came of opening a shared library.</summary>
/// <param name="Library">The library asked for.</param>
/// <param name="Handle">The loader's handle; 0 where none was found.</param>
/// <param name="Path">The file that was opened; null where none was found.</param>
/// <param name="Looked">Where it was looked for, as half a sentence.</param>
/// <param name="Failures">Files that were there and could not be loaded.</param>
public sealed record NativeLibraryOpening(NativeLibraryName Library, nint Handle, string? Path, string Looked, IReadOnlyList<LoaderFailure> Failures)
{
    public bool IsOpen => Handle != 0;

    /// <summary>Why it is not open, and what to do about that: a few sentences. A file that is there is not called missing.</summary>
    public string Problem => Failures is [var failure, ..]
        ? $"cannot be loaded ({failure}). {failure.Remedy(Library.Remedy)}"
        : $"missing ({Looked}). {Library.Remedy}";

    /// <summary>One sentence or more: where it is, or what to do about its absence.</summary>
    public string Describe() => IsOpen
        ? $"{Library.ImportName}: {Path}"
        : $"The library {Library.ImportName} {(Failures.Count > 0 ? "" : "is ")}{Problem}";
}
