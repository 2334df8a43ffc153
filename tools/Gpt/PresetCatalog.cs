using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Reflection;
using GptEngine.Engine.Configuration;
using GptEngine.Runtime;

namespace GptEngine.Gpt;

/// <summary>The configurations that ship with the program: the files of <c>Presets/</c>, embedded.</summary>
public static class PresetCatalog
{
    private const string Prefix = "Presets/";
    private const string Extension = ".json";

    /// <summary>Every preset's name, sorted.</summary>
    public static IReadOnlyList<string> Names { get; } =
    [
        .. typeof(PresetCatalog).Assembly.GetManifestResourceNames()
            .Where(name => name.StartsWith(Prefix, StringComparison.Ordinal))
            .Select(name => name[Prefix.Length..^Extension.Length])
            .Order(StringComparer.Ordinal),
    ];

    /// <summary>Adds a preset as a layer.</summary>
    /// <exception cref="UserErrorException">There is no such preset; names the nearest.</exception>
    public static ConfigurationLayers AddPreset(this ConfigurationLayers layers, string name)
    {
        using Stream stream = Assembly.GetExecutingAssembly().GetManifestResourceStream($"{Prefix}{name}{Extension}")
            ?? throw new UserErrorException(
                $"There is no preset '{name}'. Did you mean '{NearestName.Of(name, Names)}'? The presets are {string.Join(", ", Names)}.",
                ExitCode.Usage);
        using var reader = new StreamReader(stream);
        return layers.AddJson(reader.ReadToEnd(), $"preset {name}");
    }
}
