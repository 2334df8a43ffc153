using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization.Metadata;
using GptEngine.Runtime;

namespace GptEngine.Engine.Configuration;

/// <summary>The keys that a configuration may have, read off the generated serializer, so that no list of them can go stale.</summary>
public static class ConfigurationSchema
{
    private static readonly Dictionary<string, Dictionary<string, Type>> Sections =
        ConfigurationJson.Default.RunConfiguration.Properties.ToDictionary(
            section => section.Name,
            section => KeysOf(ConfigurationJson.Default.GetTypeInfo(section.PropertyType)!),
            StringComparer.Ordinal);

    /// <summary>Every key as <c>section.key</c> with its type.</summary>
    public static IEnumerable<KeyValuePair<string, Type>> Keys =>
        Sections.SelectMany(section => section.Value.Select(key => KeyValuePair.Create($"{section.Key}.{key.Key}", key.Value)));

    /// <summary>Refuses what is no section or key of a configuration.</summary>
    /// <exception cref="UserErrorException">Names the key, where it stands, and the nearest valid one.</exception>
    public static void Check(JsonObject layer, string origin)
    {
        ArgumentNullException.ThrowIfNull(layer);
        foreach ((string sectionName, JsonNode? node) in layer)
        {
            if (!Sections.TryGetValue(sectionName, out Dictionary<string, Type>? keys))
            {
                throw UnknownKey(sectionName, origin, Sections.Keys.Concat(Keys.Select(key => key.Key)));
            }

            if (node is not JsonObject section)
            {
                throw new UserErrorException($"{origin}: '{sectionName}' is a section: give it as {{ \"key\": value, … }}.", ExitCode.Usage);
            }

            foreach ((string key, _) in section)
            {
                if (!keys.ContainsKey(key))
                {
                    throw UnknownKey($"{sectionName}.{key}", origin, Keys.Select(k => k.Key));
                }
            }
        }
    }

    /// <summary>Refuses what is none of an enumeration's names; the deserializer would also take numbers and lists of names.</summary>
    /// <exception cref="UserErrorException">Names the key, its value, and what it may be.</exception>
    internal static void CheckNames(JsonObject layer, string origin)
    {
        foreach ((string path, Type type) in Keys.Where(key => key.Value.IsEnum))
        {
            string[] parts = path.Split('.');
            if (layer[parts[0]] is JsonObject section && section.TryGetPropertyValue(parts[1], out JsonNode? node)
                && !(node is JsonValue value && value.TryGetValue(out string? name) && EnumNames.Of(type).Contains(name)))
            {
                string found = node?.ToJsonString() ?? "null";
                throw new UserErrorException($"{origin}: {path} cannot be {found}; it takes one of {string.Join(", ", EnumNames.Of(type))}.", ExitCode.Usage);
            }
        }
    }

    /// <summary>Turns the text of <c>--set section.key=value</c> into JSON of the key's type.</summary>
    public static JsonNode? ParseValue(string path, string text)
    {
        Type? type = Keys.FirstOrDefault(key => key.Key == path).Value
            ?? throw UnknownKey(path, "--set", Keys.Select(key => key.Key));
        if (text == "null")
        {
            return null;
        }

        type = Nullable.GetUnderlyingType(type) ?? type;
        if (type == typeof(string) || type.IsEnum)
        {
            return JsonValue.Create(text);
        }

        if (type == typeof(bool))
        {
            return bool.TryParse(text, out bool flag)
                ? JsonValue.Create(flag)
                : throw new UserErrorException($"--set {path}: '{text}' is neither true nor false.", ExitCode.Usage);
        }

        // Whole numbers may be written as 1e9 or 500_000, which is how people write token counts.
        string digits = text.Replace("_", "", StringComparison.Ordinal);
        if (type == typeof(ulong) && ulong.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out ulong large))
        {
            return JsonValue.Create(large);
        }

        if (!double.TryParse(digits, NumberStyles.Float, CultureInfo.InvariantCulture, out double number) || !double.IsFinite(number))
        {
            throw new UserErrorException($"--set {path}: '{text}' is not a number.", ExitCode.Usage);
        }

        bool isWhole = type == typeof(int) || type == typeof(long) || type == typeof(ulong);
        if (isWhole && (number != Math.Truncate(number) || Math.Abs(number) > 9e15))
        {
            throw new UserErrorException($"--set {path}: '{text}' is not a whole number in range.", ExitCode.Usage);
        }

        return isWhole ? JsonValue.Create((long)number) : JsonValue.Create(number);
    }

    private static Dictionary<string, Type> KeysOf(JsonTypeInfo section) =>
        section.Properties.Where(property => property.Get is not null && property.Set is not null)
            .ToDictionary(property => property.Name, property => property.PropertyType, StringComparer.Ordinal);

    private static UserErrorException UnknownKey(string key, string origin, IEnumerable<string> valid) =>
        new($"{origin}: there is no key '{key}'. Did you mean '{NearestName.Of(key, valid)}'?", ExitCode.Usage);
}
