using System.IO;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;

namespace GptEngine.Engine.Benchmarking;

/// <summary>The JSON form of benchmarks: snake_case, a record a line.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, UseStringEnumConverter = true)]
[JsonSerializable(typeof(BenchRecord))]
[JsonSerializable(typeof(KernelBenchRecord))]
internal sealed partial class BenchJson : JsonSerializerContext
{
    /// <summary>A record as one line.</summary>
    public static string Line(BenchRecord record) => Line(record, Default.BenchRecord);

    /// <inheritdoc cref="Line(BenchRecord)"/>
    public static string Line(KernelBenchRecord record) => Line(record, Default.KernelBenchRecord);

    private static string Line<T>(T record, JsonTypeInfo<T> type)
    {
        using var bytes = new MemoryStream();

        // For files and people, never inside a page: only what JSON itself needs is escaped.
        using (var writer = new Utf8JsonWriter(bytes, new JsonWriterOptions { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping }))
        {
            JsonSerializer.Serialize(writer, record, type);
        }

        return Encoding.UTF8.GetString(bytes.GetBuffer(), 0, (int)bytes.Length);
    }
}
