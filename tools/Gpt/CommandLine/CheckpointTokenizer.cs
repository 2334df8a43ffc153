using System.IO;
using System.Linq;
using System.Text.Json;
using GptEngine.Engine.Checkpoints;
using GptEngine.Engine.Configuration;
using GptEngine.Engine.Data;
using GptEngine.Engine.Tokenization;
using GptEngine.Runtime;

namespace GptEngine.Gpt.CommandLine;

/// <summary>Which tokenizer a model speaks: what its run's configuration says, or what its vocabulary's size can only mean.</summary>
internal static class CheckpointTokenizer
{
    /// <param name="folder">A checkpoint, a folder of weights, or a run folder.</param>
    /// <param name="given">The name on the command line; null for none.</param>
    /// <exception cref="UserErrorException">Nothing tells.</exception>
    public static ITokenizer Find(string folder, string? given)
    {
        if (given is not null)
        {
            return Tokenizers.Get(given);
        }

        string weights = WeightFolder.Resolve(folder);
        if (OfRun(folder, weights) is { } name)
        {
            return Tokenizers.Get(name);
        }

        int vocabulary = ModelFile.Read(weights).VocabSize;
        foreach (string known in Tokenizers.Names)
        {
            ITokenizer tokenizer = Tokenizers.Get(known);
            if (tokenizer.VocabularySize == vocabulary)
            {
                return tokenizer;
            }
        }

        throw new UserErrorException(
            $"{folder}: no tokenizer has this model's vocabulary of {vocabulary}. Name one with --tokenizer: {string.Join(" or ", Tokenizers.Names)}.",
            ExitCode.Usage);
    }

    /// <summary>Refuses data of another tokenizer than the one that the checkpoint's run names, if any: its loss would mean nothing.</summary>
    /// <exception cref="UserErrorException">Usage.</exception>
    public static void RequireSame(string folder, DatasetInfo? data)
    {
        if (data is not null && OfRun(folder, WeightFolder.Resolve(folder)) is { } name && name != data.Tokenizer)
        {
            throw new UserErrorException(
                $"{folder} was trained with the {name} tokenizer, and the data was prepared with {data.Tokenizer}. Prepare it with --tokenizer {name}.",
                ExitCode.Usage);
        }
    }

    private static string? OfRun(string folder, string weights)
    {
        string? path = ((string[])[folder, Path.Combine(weights, "..", "..")]).Select(run => Path.Combine(run, "config.json")).FirstOrDefault(IsRunConfiguration);
        return path is null ? null : EnumNames.Of(new ConfigurationLayers().AddFile(path).Build().Data.Tokenizer);
    }

    /// <summary>A checkpoint's own config.json has the same name but only the model in it.</summary>
    private static bool IsRunConfiguration(string path)
    {
        if (!File.Exists(path) || new FileInfo(path).Length > ConfigurationLayers.MaxFileBytes)
        {
            return false;
        }

        try
        {
            using JsonDocument document = JsonDocument.Parse(
                File.ReadAllText(path), new JsonDocumentOptions { CommentHandling = JsonCommentHandling.Skip, AllowTrailingCommas = true, MaxDepth = 16 });
            return document.RootElement.ValueKind == JsonValueKind.Object && document.RootElement.TryGetProperty("data", out _);
        }
        catch (JsonException)
        {
            // Whoever reads it for what it is will say what is wrong with it.
            return false;
        }
    }
}
