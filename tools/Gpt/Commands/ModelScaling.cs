using System;
using System.IO;
using System.Linq;
using System.Text.Json;
using GptEngine.Engine.Configuration;
using GptEngine.Engine.Scaling;
using GptEngine.Runtime;

namespace GptEngine.Gpt.Commands;

/// <summary><c>gpt bench --model-scaling</c>: what more GPUs and more hosts would bring, computed.</summary>
internal static class ModelScaling
{
    private const string Bert = "BERT-Large reaches 43 % on a V100: 224 sequences of 128 tokens a second, NVIDIA DeepLearningExamples";

    // Communication is harder to hide the faster a GPU computes: where in doubt, the higher share.
    private static readonly (string Preset, double Utilisation, string Source)[] Known =
    [
        ("gpt-89m", 0.30, "assumed: half way from Transformer-XL base's 13 % to BERT-Large's 43 %, both measured on a V100"),
        ("gpt-304m", 0.42, $"assumed: {Bert}"),
        ("gpt-1b", 0.42, $"assumed: {Bert}; Megatron-LM's 1.2B reaches 31 % with recomputation"),
    ];

    /// <summary>Prints the tables, and writes them as JSON where a file is named.</summary>
    /// <param name="configuration">One configuration with its name; null for the three presets that the model is about.</param>
    /// <param name="jsonPath">Where to; <c>-</c> for JSON alone on standard output; null for none.</param>
    /// <param name="output">Standard output.</param>
    /// <exception cref="UserErrorException">The file cannot be written.</exception>
    public static void Run((string Name, RunConfiguration Configuration)? configuration, string? jsonPath, TextWriter output)
    {
        ArgumentNullException.ThrowIfNull(output);
        var assumptions = new ScalingAssumptions();
        ScalingTable[] tables = configuration is { } one
            ? [Table(one.Name, one.Configuration, assumptions)]
            : [.. Known.Select(known => Table(known.Preset, new ConfigurationLayers().AddPreset(known.Preset).Build(), assumptions))];
        ScalingReport report = ScalingReport.Of(assumptions, tables);
        string json = JsonSerializer.Serialize(report, ScalingJson.Default.ScalingReport);
        if (jsonPath == "-")
        {
            output.WriteLine(json);
            return;
        }

        ScalingText.Write(report, output);
        if (jsonPath is not null)
        {
            Write(jsonPath, json + "\n");
        }
    }

    private static ScalingTable Table(string name, RunConfiguration configuration, ScalingAssumptions assumptions)
    {
        (_, double utilisation, string source) = Known.Where(known => known.Preset == name).DefaultIfEmpty((name, 0.42, $"assumed: {Bert}")).First();
        return ScalingTable.Of(name, configuration, utilisation, source, assumptions);
    }

    private static void Write(string path, string json)
    {
        try
        {
            File.WriteAllText(path, json);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new UserErrorException($"{path}: the report cannot be written ({e.Message.TrimEnd('.')}).", ExitCode.Failed, e);
        }
    }
}
