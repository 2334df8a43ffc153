using System.Text.Json.Serialization;

namespace GptEngine.Engine.Scaling;

/// <summary>The report as JSON.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, WriteIndented = true, NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals)]
[JsonSerializable(typeof(ScalingReport))]
public sealed partial class ScalingJson : JsonSerializerContext;
