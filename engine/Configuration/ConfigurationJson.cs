using System.Text.Json;
using System.Text.Json.Serialization;

namespace GptEngine.Engine.Configuration;

/// <summary>
/// The JSON form: snake_case keys, comments and trailing commas allowed, unknown keys refused. Generated, so trimming keeps it. The records
/// have setters because the generator gives an init-only property that the text leaves out its type's default, not its initialiser.
/// </summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower,
    ReadCommentHandling = JsonCommentHandling.Skip,
    AllowTrailingCommas = true,
    UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
    UseStringEnumConverter = true,
    WriteIndented = true,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    MaxDepth = 16)]
[JsonSerializable(typeof(RunConfiguration))]
[JsonSerializable(typeof(ModelConfiguration))]
public sealed partial class ConfigurationJson : JsonSerializerContext;
