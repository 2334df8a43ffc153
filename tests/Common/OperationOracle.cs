using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Text.Json;

namespace GptEngine.Tests.Common;

/// <summary>One case of Golden/operations: what PyTorch computed of one operation in float64.</summary>
internal sealed class OperationOracle
{
    private readonly JsonElement _entry;
    private readonly SafetensorsReader _file;

    private OperationOracle(JsonElement entry)
    {
        _entry = entry;
        _file = new SafetensorsReader(Path.Combine(Folder, entry.GetProperty("file").GetString()!));
    }

    public JsonElement Attributes => _entry.GetProperty("attributes");

    private static string Folder => Path.Combine(AppContext.BaseDirectory, "Golden", "operations");

    /// <summary>The names of an operation's cases.</summary>
    public static IEnumerable<string> Cases(string operation) =>
        Entries().Where(e => e.GetProperty("operation").GetString() == operation).Select(e => e.GetProperty("case").GetString()!);

    public static OperationOracle Load(string operation, string name) => new(Entries().Single(
        e => e.GetProperty("operation").GetString() == operation && e.GetProperty("case").GetString() == name));

    public bool HasInput(string role) => _entry.GetProperty("inputs").TryGetProperty(role, out _);

    public double[] Input(string role) => _file.Read(NameOf("inputs", role));

    public int[] Integers(string role) => Array.ConvertAll(Input(role), value => (int)value);

    public long[] InputShape(string role) => _file.Shape(NameOf("inputs", role));

    public double[] Output(string role) => _file.Read(NameOf("outputs", role));

    private static List<JsonElement> Entries()
    {
        using var manifest = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(Folder, "manifest.json")));
        return [.. manifest.RootElement.GetProperty("cases").EnumerateArray().Select(e => e.Clone())];
    }

    private string NameOf(string side, string role) => _entry.GetProperty(side).GetProperty(role).GetString()!;
}
