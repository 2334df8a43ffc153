using System.Text.Json.Serialization;

namespace GptEngine.Engine.Data;

/// <summary>Reading and writing of <c>dataset.json</c>, generated at compile time.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower,
    WriteIndented = true,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    AllowTrailingCommas = true,
    RespectNullableAnnotations = true,
    RespectRequiredConstructorParameters = true)]
[JsonSerializable(typeof(DatasetInfo))]
internal sealed partial class DatasetJson : JsonSerializerContext;
