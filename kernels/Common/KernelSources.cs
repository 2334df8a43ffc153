using System;
using System.Collections.Generic;
using System.Collections.Immutable;
using System.IO;
using System.Linq;
using System.Reflection;
using System.Text.RegularExpressions;
using GptEngine.Runtime.Compile;

namespace GptEngine.Kernels.Common;

/// <summary>The CUDA sources that this assembly carries.</summary>
public static partial class KernelSources
{
    /// <summary>Every <c>.cu</c> file, by folder and name.</summary>
    public static ImmutableArray<string> Names { get; } =
        [.. typeof(KernelSources).Assembly.GetManifestResourceNames().Where(name => name.EndsWith(".cu", StringComparison.Ordinal)).Order(StringComparer.Ordinal)];

    /// <summary>A file's text.</summary>
    /// <exception cref="ArgumentException">There is no such file.</exception>
    public static SourceFile Read(string name)
    {
        Assembly assembly = typeof(KernelSources).Assembly;
        using Stream stream = assembly.GetManifestResourceStream(name)
            ?? throw new ArgumentException($"there is no kernel source '{name}'; there are {string.Join(", ", Names)}", nameof(name));
        using var reader = new StreamReader(stream);
        return new SourceFile(name, reader.ReadToEnd());
    }

    /// <summary>The headers that a file includes, directly or through others, in the order of their names.</summary>
    public static ImmutableArray<SourceFile> HeadersOf(SourceFile source)
    {
        ArgumentNullException.ThrowIfNull(source);
        var headers = new SortedDictionary<string, SourceFile>(StringComparer.Ordinal);
        Collect(source, headers);
        return [.. headers.Values];
    }

    /// <summary>What to ask the compiler for to get these kernels, all of one file and all or none of them made for one architecture alone.</summary>
    public static CompileRequest Request(ComputeCapability target, ImageFormat format, params ReadOnlySpan<KernelInstance> kernels)
    {
        SourceFile file = Read(kernels[0].Source);
        var names = ImmutableArray.CreateBuilder<string>(kernels.Length);
        foreach (KernelInstance kernel in kernels)
        {
            names.Add(kernel.NameExpression);
        }

        return new CompileRequest(file, HeadersOf(file), names.MoveToImmutable(), target, format) { IsArchitectureSpecific = kernels[0].IsArchitectureSpecific };
    }

    private static void Collect(SourceFile file, SortedDictionary<string, SourceFile> headers)
    {
        foreach (Match include in IncludeLine().Matches(file.Text))
        {
            string name = include.Groups["name"].Value;
            if (!headers.ContainsKey(name))
            {
                SourceFile header = Read(name);
                headers[name] = header;
                Collect(header, headers);
            }
        }
    }

    [GeneratedRegex("""^\s*#include\s+"(?<name>[^"]+)""", RegexOptions.Multiline)]
    private static partial Regex IncludeLine();
}
