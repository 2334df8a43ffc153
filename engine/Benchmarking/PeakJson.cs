using System.Text.Json;
using System.Text.Json.Serialization;

namespace GptEngine.Engine.Benchmarking;

/// <summary>The JSON form of tables of peaks: comments and trailing commas allowed, unknown keys refused.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower,
    ReadCommentHandling = JsonCommentHandling.Skip,
    AllowTrailingCommas = true,
    UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
    RespectNullableAnnotations = true,
    MaxDepth = 8)]
[JsonSerializable(typeof(PeakFile))]
internal sealed partial class PeakJson : JsonSerializerContext;
