using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Text.Json;
using GptEngine.Engine.Data.Streaming;
using GptEngine.Engine.Tokenization;
using GptEngine.Runtime;

namespace GptEngine.Engine.Data;

/// <summary>A folder of token streams: what <c>gpt prepare</c> made, or bare streams of other programs.</summary>
public sealed class Dataset
{
    // Sources are a line or so each; a file of this size names a million of them.
    private const long LargestInfoBytes = 256 << 20;

    private readonly string _folder;

    private Dataset(string folder, DatasetInfo? info)
    {
        _folder = folder;
        Info = info;
    }

    /// <summary>The content of <c>dataset.json</c>; null where there is none.</summary>
    public DatasetInfo? Info { get; }

    /// <summary>Whether there is a validation stream.</summary>
    public bool HasValidation => Find("val", Info?.Val) is not null;

    /// <exception cref="UserErrorException">The folder does not exist, or its <c>dataset.json</c> is damaged.</exception>
    public static Dataset Open(string folder)
    {
        if (!Directory.Exists(folder))
        {
            throw new UserErrorException($"The data folder {folder} does not exist. Make it with gpt prepare --out {folder}.");
        }

        string path = Path.Join(folder, DatasetInfo.FileName);
        return new Dataset(folder, File.Exists(path) ? ReadInfo(path) : null);
    }

    /// <summary>Maps the training stream.</summary>
    /// <param name="vocabularySize">The model's; the data must fit it.</param>
    /// <exception cref="UserErrorException">There is none, or it does not fit <c>dataset.json</c> or the vocabulary.</exception>
    public TokenStream OpenTrain(int vocabularySize) => Open("train", Info?.Train, vocabularySize);

    /// <summary>Maps the validation stream.</summary>
    /// <param name="vocabularySize">The model's; the data must fit it.</param>
    /// <exception cref="UserErrorException">There is none, or it does not fit <c>dataset.json</c> or the vocabulary.</exception>
    public TokenStream OpenValidation(int vocabularySize) => Open("val", Info?.Val, vocabularySize);

    /// <summary>
    /// The streams that there are, each with what must be the same on all ranks of a run for their streams to be the same: a hash, from
    /// samples of the stream.
    /// </summary>
    /// <exception cref="UserErrorException">There is no training stream, or one cannot be read.</exception>
    public IReadOnlyList<StreamFingerprint> Fingerprints()
    {
        string train = PathOf("train", Info?.Train);
        var all = new List<StreamFingerprint> { new("training data", train, DatasetFingerprint.Of(train, Info?.Train.Sha256)) };
        if (Find("val", Info?.Val) is { } validation)
        {
            all.Add(new("validation data", validation, DatasetFingerprint.Of(validation, Info?.Val?.Sha256)));
        }

        return all;
    }

    private static DatasetInfo ReadInfo(string path)
    {
        try
        {
            using FileStream file = File.OpenRead(path);
            if (file.Length > LargestInfoBytes)
            {
                throw new UserErrorException($"{path} has {file.Length} bytes, and at most {LargestInfoBytes} are read. Prepare the data again.");
            }

            RequireWhole(path, file);
            DatasetInfo info = JsonSerializer.Deserialize(file, DatasetJson.Default.DatasetInfo)
                ?? throw new JsonException("it is null");
            Check(path, info);
            return info;
        }
        catch (Exception e) when (e is JsonException or IOException or UnauthorizedAccessException or NotSupportedException)
        {
            throw new UserErrorException($"{path} cannot be read: {e.Message.TrimEnd('.')}. Prepare the data again.", ExitCode.Failed, e);
        }
    }

    private static void RequireWhole(string path, FileStream file)
    {
        ReadOnlySpan<byte> marker = DatasetInfo.Replacing;
        Span<byte> start = stackalloc byte[marker.Length];
        if (file.Length == marker.Length && file.ReadAtLeast(start, start.Length, throwOnEndOfStream: false) == marker.Length && start.SequenceEqual(marker))
        {
            throw new UserErrorException(
                $"{path}: gpt prepare was stopped while it replaced the streams in this folder, so they may not belong together. Prepare the data again.");
        }

        file.Position = 0;
    }

    private static void Check(string path, DatasetInfo info)
    {
        bool isPlausible = Tokenizers.Names.Contains(info.Tokenizer)
            && info.VocabularySize is > 0 and <= 65_536
            && info.DocumentToken >= 0 && info.DocumentToken < info.VocabularySize
            && IsPlausible(info.Train) && (info.Val is null || IsPlausible(info.Val));
        if (!isPlausible)
        {
            throw new UserErrorException(
                $"{path} has values that cannot be: tokenizer \"{info.Tokenizer}\", vocabulary_size {info.VocabularySize}, " +
                $"document_token {info.DocumentToken}, or a stream's file or count. Prepare the data again.");
        }
    }

    // A stream lies in the folder itself; a path in its place would lead out of it.
    private static bool IsPlausible(DatasetInfo.StreamInfo stream) =>
        stream.Tokens > 0 && stream.File.Length > 0 && Path.GetFileName(stream.File) == stream.File;

    private TokenStream Open(string name, DatasetInfo.StreamInfo? info, int vocabularySize)
    {
        if (Info is not null && Info.VocabularySize > vocabularySize)
        {
            throw new UserErrorException(
                $"The data in {_folder} has the {Info.Tokenizer} tokenizer's vocabulary of {Info.VocabularySize}, and the model's vocab_size is " +
                $"{vocabularySize}. Prepare the data with another tokenizer, or set model.vocab_size.");
        }

        string path = PathOf(name, info);
        TokenStream stream = new(path, vocabularySize);
        if (info is not null && info.Tokens != stream.Count)
        {
            long count = stream.Count;
            stream.Dispose();
            throw new UserErrorException(
                $"{path} has {count} tokens, and {DatasetInfo.FileName} beside it says {info.Tokens}. Copy or prepare the data again.");
        }

        return stream;
    }

    private string PathOf(string name, DatasetInfo.StreamInfo? info) => Find(name, info)
        ?? throw new UserErrorException($"The data folder {_folder} has no {name}.bin or {name}.npy. Make it with gpt prepare.");

    private string? Find(string name, DatasetInfo.StreamInfo? info)
    {
        string[] names = info is not null ? [info.File] : Info is not null ? [] : [name + ".bin", name + ".npy"];
        return names.Select(file => Path.Join(_folder, file)).FirstOrDefault(File.Exists);
    }
}
