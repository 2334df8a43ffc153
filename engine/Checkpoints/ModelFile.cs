using System;
using System.Collections.Generic;
using System.IO;
using System.Text.Json;
using GptEngine.Engine.Configuration;
using GptEngine.Runtime;

namespace GptEngine.Engine.Checkpoints;

/// <summary><c>config.json</c> beside weights: the shape of the model they are for.</summary>
public static class ModelFile
{
    /// <summary>Its name within a checkpoint.</summary>
    public const string Name = "config.json";

    /// <summary>The name of the weights beside it.</summary>
    public const string WeightsName = "model.safetensors";

    private const int MaxBytes = 1 << 16;

    /// <summary>Reads the model's shape from a folder of weights, checked.</summary>
    /// <exception cref="UserErrorException">It is missing, broken, or describes no possible model.</exception>
    public static ModelConfiguration Read(string folder)
    {
        string path = Path.Combine(folder, Name);
        byte[] json = SmallFile.Read(path, MaxBytes);
        ModelConfiguration? model;
        try
        {
            model = JsonSerializer.Deserialize(json, ConfigurationJson.Default.ModelConfiguration);
        }
        catch (Exception exception) when (exception is JsonException or InvalidOperationException)
        {
            // The latter for text that is no Unicode.
            throw new UserErrorException(
                $"{path}: is not a model's configuration ({exception.Message.Split('\n')[0].TrimEnd('.')}). Get the file anew.", ExitCode.Failed, exception);
        }

        try
        {
            ConfigurationValidator.CheckModel(model ?? throw new UserErrorException("it is empty."));
        }
        catch (UserErrorException exception)
        {
            throw new UserErrorException($"{path}: {exception.Message}", ExitCode.Failed, exception);
        }

        return model;
    }

    /// <summary>Throws unless weights made for <paramref name="saved"/> fit <paramref name="wanted"/>, naming the keys that don't.</summary>
    /// <exception cref="UserErrorException">Usage.</exception>
    public static void RequireSameShape(string folder, ModelConfiguration saved, ModelConfiguration wanted)
    {
        ArgumentNullException.ThrowIfNull(saved);
        ArgumentNullException.ThrowIfNull(wanted);
        var differences = new List<string>();
        Compare(differences, "vocab_size", saved.VocabSize, wanted.VocabSize);
        Compare(differences, "d_model", saved.DModel, wanted.DModel);
        Compare(differences, "n_layers", saved.NLayers, wanted.NLayers);
        Compare(differences, "n_heads", saved.NHeads, wanted.NHeads);
        Compare(differences, "positions", saved.Positions, wanted.Positions);
        Compare(differences, "activation", saved.Activation, wanted.Activation);
        Compare(differences, "qkv_bias", saved.QkvBias, wanted.QkvBias);
        Compare(differences, "head_bias", saved.HeadBias, wanted.HeadBias);
        Compare(differences, "tie_embeddings", saved.TieEmbeddings, wanted.TieEmbeddings);
        if (wanted.Positions == PositionKind.Learned)
        {
            Compare(differences, "context_length", saved.ContextLength, wanted.ContextLength);
        }

        if (differences.Count > 0)
        {
            throw new UserErrorException(
                $"{folder}: its weights are for another model: {string.Join(", ", differences)}. Set these keys to the weights' values.", ExitCode.Usage);
        }
    }

    private static void Compare<T>(List<string> differences, string key, T saved, T wanted)
    {
        if (!EqualityComparer<T>.Default.Equals(saved, wanted))
        {
            differences.Add($"model.{key} is {saved} there and {wanted} here");
        }
    }
}
