using System;
using System.Collections.Generic;
using System.Text.Json;

namespace GptEngine.Engine.Configuration;

/// <summary>A configuration as its keys and their values, as JSON writes them: <c>training.seed</c> and <c>1</c>.</summary>
public static class ConfigurationLeaves
{
    /// <summary>Every key of a configuration, in the order of its sections.</summary>
    public static IReadOnlyList<KeyValuePair<string, string>> Of(RunConfiguration configuration)
    {
        ArgumentNullException.ThrowIfNull(configuration);
        return Of(JsonSerializer.SerializeToElement(configuration, ConfigurationJson.Default.RunConfiguration));
    }

    /// <summary>Every key of a configuration that was written, in its order.</summary>
    public static IReadOnlyList<KeyValuePair<string, string>> Of(JsonElement configuration)
    {
        var leaves = new List<KeyValuePair<string, string>>();
        Add("", configuration, leaves);
        return leaves;
    }

    private static void Add(string path, JsonElement element, List<KeyValuePair<string, string>> leaves)
    {
        if (element.ValueKind != JsonValueKind.Object)
        {
            leaves.Add(new(path, element.GetRawText()));
            return;
        }

        foreach (JsonProperty property in element.EnumerateObject())
        {
            Add(path.Length == 0 ? property.Name : path + "." + property.Name, property.Value, leaves);
        }
    }
}
