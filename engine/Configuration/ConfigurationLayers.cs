using System;
using System.Collections.Generic;
using System.IO;
using System.Text.Json;
using System.Text.Json.Nodes;
using GptEngine.Runtime;

namespace GptEngine.Engine.Configuration;

/// <summary>
/// A configuration as it is written: layers of keys, each overriding those before (defaults, preset, file, <c>--set</c>). Every layer is
/// checked when it is added, so that an error names the layer.
/// </summary>
public sealed class ConfigurationLayers
{
    /// <summary>Longer files than this are not configurations.</summary>
    public const int MaxFileBytes = 1 << 20;

    private static readonly JsonDocumentOptions DocumentOptions =
        new() { CommentHandling = JsonCommentHandling.Skip, AllowTrailingCommas = true, MaxDepth = 16 };

    private readonly JsonObject _merged = [];

    /// <summary>Adds the keys of a JSON text.</summary>
    /// <param name="json">An object with sections <c>model</c>, <c>data</c>, <c>optimizer</c>, <c>training</c>.</param>
    /// <param name="origin">What errors call it: a path, or <c>preset gpt-89m</c>.</param>
    public ConfigurationLayers AddJson(string json, string origin)
    {
        JsonNode? node;
        try
        {
            node = JsonNode.Parse(json, documentOptions: DocumentOptions);
        }
        catch (JsonException e)
        {
            throw new UserErrorException(
                $"{origin}, line {e.LineNumber + 1}: this is not valid JSON ({FirstSentence(e.Message)}). Correct the file.", ExitCode.Usage, e);
        }

        if (node is not JsonObject layer)
        {
            throw new UserErrorException($"{origin}: a configuration is a JSON object {{ \"model\": {{ … }}, … }}.", ExitCode.Usage);
        }

        try
        {
            Merge(layer, origin);
        }
        catch (InvalidOperationException e)
        {
            // JsonNode reads a text only when it is first looked into.
            throw new UserErrorException($"{origin}: a key or text in it is no valid Unicode ({FirstSentence(e.Message)}). Correct it.", ExitCode.Usage, e);
        }
        catch (ArgumentException e)
        {
            // JsonObject finds a doubled key only when it is first looked into.
            throw new UserErrorException($"{origin}: a key stands twice ({FirstSentence(e.Message)}). Keep one.", ExitCode.Usage, e);
        }

        return this;
    }

    /// <summary>Adds the keys of a file.</summary>
    public ConfigurationLayers AddFile(string path)
    {
        try
        {
            using FileStream stream = File.OpenRead(path);
            // Read, not asked for its length: pipes and devices have none.
            byte[] bytes = new byte[MaxFileBytes + 1];
            int length = stream.ReadAtLeast(bytes, bytes.Length, throwOnEndOfStream: false);
            if (length > MaxFileBytes)
            {
                throw new UserErrorException(
                    $"{path}: this is no configuration file; it has more than {MaxFileBytes:N0} bytes. Check the path.", ExitCode.Usage);
            }

            using var reader = new StreamReader(new MemoryStream(bytes, 0, length));
            return AddJson(reader.ReadToEnd(), path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or NotSupportedException)
        {
            throw new UserErrorException($"{path}: the configuration file cannot be read ({FirstSentence(e.Message)}). Check the path.", ExitCode.Usage, e);
        }
    }

    /// <summary>Adds one <c>section.key=value</c>.</summary>
    public ConfigurationLayers AddAssignment(string assignment)
    {
        ArgumentNullException.ThrowIfNull(assignment);
        int equals = assignment.IndexOf('=', StringComparison.Ordinal);
        string path = equals < 0 ? assignment : assignment[..equals].Trim();
        if (equals < 0)
        {
            throw new UserErrorException($"--set {assignment}: write it as section.key=value, as in --set optimizer.learning_rate=3e-4.", ExitCode.Usage);
        }

        JsonNode? value = ConfigurationSchema.ParseValue(path, assignment[(equals + 1)..].Trim());
        int dot = path.IndexOf('.', StringComparison.Ordinal);
        Merge(new JsonObject { [path[..dot]] = new JsonObject { [path[(dot + 1)..]] = value } }, $"--set {assignment}");
        return this;
    }

    /// <summary>Adds the keys of a configuration made before, as the lowest layer of one that goes on from it.</summary>
    public ConfigurationLayers AddConfiguration(RunConfiguration configuration, string origin) =>
        AddJson(JsonSerializer.Serialize(configuration, ConfigurationJson.Default.RunConfiguration), origin);

    /// <summary>The layers as one configuration, its values checked.</summary>
    public RunConfiguration Build()
    {
        try
        {
            RunConfiguration configuration = _merged.Deserialize(ConfigurationJson.Default.RunConfiguration)!;
            ConfigurationValidator.Check(configuration);
            return configuration;
        }
        catch (JsonException e)
        {
            throw ValueError(_merged, e.Path, "the configuration", e);
        }
    }

    private void Merge(JsonObject layer, string origin)
    {
        ConfigurationSchema.Check(layer, origin);
        CheckValues(layer, origin);
        foreach ((string name, JsonNode? node) in layer)
        {
            var incoming = (JsonObject)node!;
            if (name == "training")
            {
                ReplaceBatchSpelling(incoming, origin);
            }

            var section = _merged[name] as JsonObject ?? [];
            _merged[name] = section;
            foreach (KeyValuePair<string, JsonNode?> pair in new List<KeyValuePair<string, JsonNode?>>(incoming))
            {
                section[pair.Key] = pair.Value?.DeepClone();
            }
        }
    }

    /// <summary>batch_size and micro_batch say the same thing: a layer that gives one takes back the other of the layers below.</summary>
    private void ReplaceBatchSpelling(JsonObject incoming, string origin)
    {
        bool batch = incoming.TryGetPropertyValue("batch_size", out JsonNode? batchSize) && batchSize is not null;
        bool micro = incoming.TryGetPropertyValue("micro_batch", out JsonNode? microBatch) && microBatch is not null;
        if (batch && micro)
        {
            throw new UserErrorException(
                $"{origin}: give training.batch_size or training.micro_batch, not both: batch_size is micro_batch times the world size.", ExitCode.Usage);
        }

        if ((batch || micro) && _merged["training"] is JsonObject section)
        {
            section.Remove(batch ? "micro_batch" : "batch_size");
        }
    }

    private static void CheckValues(JsonObject layer, string origin)
    {
        ConfigurationSchema.CheckNames(layer, origin);
        try
        {
            _ = layer.Deserialize(ConfigurationJson.Default.RunConfiguration);
        }
        catch (JsonException e)
        {
            throw ValueError(layer, e.Path, origin, e);
        }
    }

    private static UserErrorException ValueError(JsonObject layer, string? jsonPath, string origin, JsonException e)
    {
        string key = jsonPath is { Length: > 2 } ? jsonPath[2..] : "?";
        string[] parts = key.Split('.');
        string value = parts.Length == 2 && layer[parts[0]]?[parts[1]] is { } node ? node.ToJsonString() : "this value";
        Type? type = null;
        foreach ((string name, Type keyType) in ConfigurationSchema.Keys)
        {
            type = name == key ? Nullable.GetUnderlyingType(keyType) ?? keyType : type;
        }

        string wanted = type is null ? "a value of another type"
            : type.IsEnum ? "one of " + string.Join(", ", EnumNames.Of(type))
            : type == typeof(bool) ? "true or false"
            : type == typeof(string) ? "a text"
            : type == typeof(float) || type == typeof(double) ? "a number"
            : type == typeof(int) ? "a whole number of at most 2,147,483,647" : "a whole number";
        return new UserErrorException($"{origin}: {key} cannot be {value}; it takes {wanted}.", ExitCode.Usage, e);
    }

    private static string FirstSentence(string message)
    {
        int end = message.IndexOf(". ", StringComparison.Ordinal);
        return (end < 0 ? message : message[..end]).TrimEnd('.');
    }
}
