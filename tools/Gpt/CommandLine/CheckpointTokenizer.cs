using System.IO;
using System.Text.Json;
using GptEngine.Engine.Checkpoints;
using GptEngine.Engine.Configuration;
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
        foreach (string run in (string[])[folder, Path.Combine(weights, "..", "..")])
        {
            string path = Path.Combine(run, "config.json");
            if (IsRunConfiguration(path))
            {
                return Tokenizers.Get(EnumNames.Of(new ConfigurationLayers().AddFile(path).Build().Data.Tokenizer));
            }
        }

        int vocabulary = ModelFile.Read(weights).VocabSize;
        foreach (string name in Tokenizers.Names)
        {
            ITokenizer tokenizer = Tokenizers.Get(name);
            if (tokenizer.VocabularySize == vocabulary)
            {
                return tokenizer;
            }
        }

        throw new UserErrorException(
            $"{folder}: no tokenizer has this model's vocabulary of {vocabulary}. Name one with --tokenizer: {string.Join(" or ", Tokenizers.Names)}.",
            ExitCode.Usage);
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
