using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using GptEngine.Runtime;

namespace GptEngine.Engine.Data.Preparation;

/// <summary>Finds the files that the inputs of <c>gpt prepare</c> stand for.</summary>
internal static class InputDiscovery
{
    private const string Known = ".txt, .md, .jsonl and .xml, each also with .gz or .zst behind";

    /// <summary>
    /// The sources in reading order: as named, and within a folder all files with a known extension, recursively, by the ordinal order of
    /// their paths. Links to folders are not followed.
    /// </summary>
    /// <exception cref="UserErrorException">A path does not exist, or a file has an unknown extension, or nothing is found.</exception>
    public static List<InputSource> Find(IReadOnlyList<string> inputs, InputFormat standardInputFormat)
    {
        List<InputSource> sources = [];
        foreach (string input in inputs)
        {
            if (input == InputSource.StandardInput)
            {
                sources.Add(new InputSource(input, standardInputFormat, InputCompression.None, Bytes: 0));
            }
            else if (Directory.Exists(input))
            {
                AddFolder(sources, input);
            }
            else if (!File.Exists(input))
            {
                throw new UserErrorException($"The input {input} does not exist. Check the path after --input.", ExitCode.Usage);
            }
            else
            {
                sources.Add(Classify(input) ?? throw new UserErrorException(
                    $"The input {input} has an unknown extension. Known are {Known}; other text can come by standard input.", ExitCode.Usage));
            }
        }

        if (inputs.Count(input => input == InputSource.StandardInput) > 1)
        {
            throw new UserErrorException("Standard input (-) is named twice. Name it once.", ExitCode.Usage);
        }

        return sources.Count > 0
            ? sources
            : throw new UserErrorException($"No input file was found in {string.Join(", ", inputs)}. Known extensions are {Known}.");
    }

    private static void AddFolder(List<InputSource> sources, string folder)
    {
        EnumerationOptions options = new() { AttributesToSkip = 0, IgnoreInaccessible = false };
        List<string> files = [];
        Stack<string> folders = new([folder]);
        while (folders.TryPop(out string? current))
        {
            files.AddRange(Directory.EnumerateFiles(current, "*", options));
            foreach (DirectoryInfo child in new DirectoryInfo(current).EnumerateDirectories("*", options))
            {
                // A link may lead back up, and the walk would never end.
                if (child.LinkTarget is null)
                {
                    folders.Push(Path.Join(current, child.Name));
                }
            }
        }

        files.Sort(StringComparer.Ordinal);
        sources.AddRange(files.Select(Classify).OfType<InputSource>());
    }

    private static InputSource? Classify(string path)
    {
        string name = Path.GetFileName(path);
        InputCompression compression = Path.GetExtension(name) switch
        {
            ".gz" => InputCompression.Gzip,
            ".zst" => InputCompression.Zstandard,
            _ => InputCompression.None,
        };
        string inner = compression == InputCompression.None ? name : Path.GetFileNameWithoutExtension(name);
        InputFormat? format = Path.GetExtension(inner) switch
        {
            ".txt" or ".md" => InputFormat.Text,
            ".jsonl" => InputFormat.JsonLines,
            ".xml" => InputFormat.DotnetXml,
            _ => null,
        };
        return format is null ? null : new InputSource(path, format.Value, compression, new FileInfo(path).Length);
    }
}
