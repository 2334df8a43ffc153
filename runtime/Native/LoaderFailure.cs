using System;
using System.IO;
using System.Linq;

namespace GptEngine.Runtime.Native;

/// <summary>A library that is there and cannot be loaded.</summary>
/// <param name="File">Which: its path, or its bare name where only the loader knows the path.</param>
/// <param name="Reason">The loader's own words.</param>
public sealed record LoaderFailure(string File, string Reason)
{
    private const string NotFound = "No such file or directory";
    private const string CannotOpen = ": cannot open shared object file";

    /// <summary>What the loader's message says of a file.</summary>
    /// <param name="candidate">The path or bare name that was to be loaded.</param>
    /// <param name="file">Where that is, as far as is known.</param>
    /// <param name="message">The message, of one line or more, the last of which is the loader's.</param>
    /// <returns>Null where it says no more than that there is no such file.</returns>
    internal static LoaderFailure? Read(string candidate, string file, string message)
    {
        string reason = message.Split('\n', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries) is [.., var last] ? last : message;

        // glibc names the file that it does not find first, musl behind some words, and says by what it is needed where that is another.
        bool isMissing = reason.Contains(NotFound, StringComparison.Ordinal)
            && (reason.StartsWith(candidate + ":", StringComparison.Ordinal) || reason.Contains($" {candidate}: ", StringComparison.Ordinal))
            && !reason.Contains("needed by", StringComparison.Ordinal);
        return isMissing && !System.IO.File.Exists(candidate) ? null : new LoaderFailure(file, reason);
    }

    /// <summary>What a person does about it: a sentence or two.</summary>
    /// <param name="otherwise">What helps where the reason does not tell.</param>
    internal string Remedy(string otherwise)
    {
        if (NeededFile() is { } needed)
        {
            return $"It needs {needed}, which the loader does not find: install what has it, or add its folder to LD_LIBRARY_PATH.";
        }

        return Says("version `GLIBC", "version `CXXABI") ? $"It is built for a newer system than this one. {otherwise}"
            : Says("undefined symbol", "symbol lookup error") ? $"It and what it needs are of different versions: install them from one place. {otherwise}"
            : Says("wrong ELF class", "invalid ELF header", "file too short", "Exec format error") ? $"It is damaged, or made for another processor. {otherwise}"
            : otherwise;
    }

    public override string ToString() => Reason.Contains(File, StringComparison.Ordinal) ? Reason : $"{File}: {Reason}";

    /// <summary>Another file that the loader misses; null where that is not the reason.</summary>
    private string? NeededFile()
    {
        int end = Reason.IndexOf(CannotOpen, StringComparison.Ordinal);
        return end > 0 && Reason.EndsWith(NotFound, StringComparison.Ordinal) && Path.GetFileName(Reason[..end]) is var name && name != Path.GetFileName(File) ? name : null;
    }

    private bool Says(params string[] words) => words.Any(word => Reason.Contains(word, StringComparison.Ordinal));
}
