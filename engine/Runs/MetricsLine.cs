using System;
using System.Text.Json;

namespace GptEngine.Engine.Runs;

/// <summary>A line of <c>metrics.jsonl</c> as it is read back.</summary>
/// <param name="Text">The line itself.</param>
/// <param name="IsEvaluation">Of kind <c>eval</c>; else <c>train</c>.</param>
/// <param name="Step">Optimizer steps done.</param>
/// <param name="Loss">Nats a token; NaN where the file says null.</param>
/// <param name="Perplexity">Of an evaluation.</param>
/// <param name="LearningRate">Of a step.</param>
/// <param name="TokensPerSecond">Of a step.</param>
public readonly record struct MetricsLine(
    string Text, bool IsEvaluation, long Step, double Loss, double Perplexity, double LearningRate, double TokensPerSecond)
{
    /// <summary>False where the text is no metrics line.</summary>
    public static bool TryParse(string text, out MetricsLine line)
    {
        line = default;
        try
        {
            using JsonDocument document = JsonDocument.Parse(text, new JsonDocumentOptions { MaxDepth = 8 });
            JsonElement root = document.RootElement;
            if (root.ValueKind != JsonValueKind.Object
                || !root.TryGetProperty("kind", out JsonElement kind) || kind.ValueKind != JsonValueKind.String
                || !root.TryGetProperty("step", out JsonElement step) || step.ValueKind != JsonValueKind.Number || !step.TryGetInt64(out long number))
            {
                return false;
            }

            line = new MetricsLine(
                text, kind.ValueEquals("eval"), number, Number(root, "loss"), Number(root, "perplexity"), Number(root, "learning_rate"),
                Number(root, "tokens_per_second"));
            return true;
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            // A torn line, as a crash leaves one, or one whose text is no Unicode: it says nothing that can be trusted.
            return false;
        }
    }

    private static double Number(JsonElement root, string name) =>
        root.TryGetProperty(name, out JsonElement value) && value.ValueKind == JsonValueKind.Number ? value.GetDouble() : double.NaN;
}
