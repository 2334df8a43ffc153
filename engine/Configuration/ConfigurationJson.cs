using System.Text.Json;
using System.Text.Json.Serialization;

namespace GptEngine.Engine.Configuration;

/// <summary>The JSON form: snake_case keys, comments and trailing commas allowed, unknown keys refused. Generated, so trimming keeps it.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower,
    ReadCommentHandling = JsonCommentHandling.Skip,
    AllowTrailingCommas = true,
    UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
    UseStringEnumConverter = true,
    WriteIndented = true,
    MaxDepth = 16)]
[JsonSerializable(typeof(RunConfiguration))]
[JsonSerializable(typeof(ModelConfiguration))]
public sealed partial class ConfigurationJson : JsonSerializerContext;
