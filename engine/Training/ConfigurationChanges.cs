using System;
using System.Collections.Generic;
using System.Linq;
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
        // A file may name a key twice: the last one counts, as it does for a reader.
        var before = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach ((string key, string value) in ConfigurationLeaves.Of(saved))
        {
            before[key] = value;
        }

        var changes = new List<string>();
        foreach ((string key, string value) in ConfigurationLeaves.Of(current).OrderBy(leaf => leaf.Key, StringComparer.Ordinal))
        {
            string old = before.GetValueOrDefault(key, "absent");
            if (old != value)
            {
                changes.Add($"{key}: {old} → {value}");
            }
        }

        return changes;
    }
}
