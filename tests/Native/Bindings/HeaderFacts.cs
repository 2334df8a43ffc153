using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Text.Json;

namespace GptEngine.Tests.Native.Bindings;

/// <summary>
/// What the headers of one version of NVIDIA's software say of what the program binds: a file of tests/oracles/bindings, whose maker explains
/// how types are written.
/// </summary>
/// <param name="Version">The file's name: <c>cuda-12.4</c>.</param>
/// <param name="Constants">By their C names.</param>
/// <param name="Structures">Their sizes and the offsets of their fields, in bytes.</param>
/// <param name="Functions">Argument lists of exported functions and of function types.</param>
/// <param name="EntryPoints">By the driver's base name and version, the argument list of what cuGetProcAddress gives; empty where no driver is described.</param>
/// <param name="Exports">By base name and version, in one string, the exported function that this is.</param>
internal sealed record HeaderFacts(
    string Version,
    Dictionary<string, long> Constants,
    Dictionary<string, HeaderFacts.Structure> Structures,
    Dictionary<string, string> Functions,
    Dictionary<string, Dictionary<string, string>> EntryPoints,
    Dictionary<string, string> Exports)
{
    private static readonly JsonSerializerOptions Options = new() { PropertyNameCaseInsensitive = true };

    /// <summary>Every version that is described.</summary>
    internal static IReadOnlyList<HeaderFacts> All { get; } =
        [.. Directory.EnumerateFiles(Path.Combine(Repository.Root, "tests", "oracles", "bindings"), "*.json").Order(StringComparer.Ordinal).Select(Read)];

    public override string ToString() => Version;

    private static HeaderFacts Read(string path)
    {
        Content content = JsonSerializer.Deserialize<Content>(File.ReadAllText(path), Options)!;
        return new HeaderFacts(
            Path.GetFileNameWithoutExtension(path), content.Constants, content.Structures ?? [], content.Functions ?? [], content.EntryPoints ?? [], content.Exports ?? []);
    }

    internal sealed record Structure(int Size, Dictionary<string, int> Offsets);

    private sealed record Content(
        string Origin,
        Dictionary<string, long> Constants,
        Dictionary<string, Structure>? Structures,
        Dictionary<string, string>? Functions,
        Dictionary<string, Dictionary<string, string>>? EntryPoints,
        Dictionary<string, string>? Exports);
}
