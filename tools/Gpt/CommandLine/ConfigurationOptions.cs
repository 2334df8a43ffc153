using System.Collections.Generic;
using System.CommandLine;
using GptEngine.Engine.Configuration;

namespace GptEngine.Gpt.CommandLine;

/// <summary>The options that make a configuration: <c>--preset</c>, <c>--config</c>, <c>--set</c>, in this order of rank.</summary>
internal sealed class ConfigurationOptions
{
    private readonly Option<string?> _preset = new("--preset")
    {
        Description = $"A configuration that ships with the program: {string.Join(", ", PresetCatalog.Names)}",
        HelpName = "NAME",
    };

    private readonly Option<string?> _config = new("--config")
    {
        Description = "A JSON file whose keys override the preset's",
        HelpName = "FILE",
    };

    private readonly Option<string[]> _set = new("--set")
    {
        Description = "One key and its value, over preset and file; may be given again and again",
        HelpName = "section.key=value",
        Arity = ArgumentArity.OneOrMore,
        AllowMultipleArgumentsPerToken = false,
        DefaultValueFactory = _ => [],
    };

    public void AddTo(Command command)
    {
        command.Options.Add(_preset);
        command.Options.Add(_config);
        command.Options.Add(_set);
    }

    /// <summary>Whether any of the options was given.</summary>
    public bool AnyGiven(ParseResult call) => call.GetValue(_preset) is not null || call.GetValue(_config) is not null || call.GetValue(_set)!.Length > 0;

    /// <summary>The preset's name; null for none.</summary>
    public string? Preset(ParseResult call) => call.GetValue(_preset);

    /// <summary>The layers asked for, over <paramref name="below"/>.</summary>
    public ConfigurationLayers Layers(ParseResult call, ConfigurationLayers? below = null)
    {
        ConfigurationLayers layers = below ?? new ConfigurationLayers();
        if (call.GetValue(_preset) is { } preset)
        {
            layers.AddPreset(preset);
        }

        if (call.GetValue(_config) is { } file)
        {
            layers.AddFile(file);
        }

        foreach (string assignment in (IEnumerable<string>)call.GetValue(_set)!)
        {
            layers.AddAssignment(assignment);
        }

        return layers;
    }
}
