using System.Collections.Generic;
using System.Text.Json;
using GptEngine.Engine.Configuration;

namespace GptEngine.Engine.Training;

/// <summary>What differs between the configuration a checkpoint was made with and the one it goes on with.</summary>
internal static class ConfigurationChanges
{
    public static JsonElement ToJson(RunConfiguration configuration) =>
        JsonSerializer.SerializeToElement(configuration, ConfigurationJson.Default.RunConfiguration);

    /// <summary>One line for each key that differs: <c>optimizer.learning_rate: 0.0006 → 0.0003</c>.</summary>
    public static IReadOnlyList<string> Between(JsonElement saved, RunConfiguration current)
    {
        var before = new SortedDictionary<string, string>(System.StringComparer.Ordinal);
        var after = new SortedDictionary<string, string>(System.StringComparer.Ordinal);
        Flatten("", saved, before);
        Flatten("", ToJson(current), after);
        var changes = new List<string>();
        foreach ((string key, string value) in after)
        {
            string old = before.GetValueOrDefault(key, "absent");
            if (old != value)
            {
                changes.Add($"{key}: {old} → {value}");
            }
        }

        return changes;
    }

    private static void Flatten(string path, JsonElement element, SortedDictionary<string, string> leaves)
    {
        if (element.ValueKind != JsonValueKind.Object)
        {
            leaves[path] = element.GetRawText();
            return;
        }

        foreach (JsonProperty property in element.EnumerateObject())
        {
            Flatten(path.Length == 0 ? property.Name : path + "." + property.Name, property.Value, leaves);
        }
    }
}
