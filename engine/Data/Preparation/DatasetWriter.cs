using System;
using System.Collections.Generic;
using System.IO;
using System.Text.Json;
using GptEngine.Engine.Tokenization;
using GptEngine.Runtime;
using GptEngine.Runtime.Native;

namespace GptEngine.Engine.Data.Preparation;

/// <summary>
/// Writes a dataset aside, in a folder <c>.partial</c> within its own, and moves it into place once it is whole. Until then an earlier
/// dataset stays as it is; a run that fails leaves nothing behind.
/// </summary>
internal sealed class DatasetWriter : IDisposable
{
    private const string PartialName = ".partial";

    private readonly PrepareOptions _options;
    private readonly string _partial;
    private readonly bool _createdFolder;
    private readonly FileStream _lock;
    private readonly TokenStreamWriter _train;
    private readonly TokenStreamWriter? _val;

    public DatasetWriter(PrepareOptions options)
    {
        _options = options;
        _createdFolder = !Directory.Exists(options.OutputDirectory);
        _partial = Path.Join(options.OutputDirectory, PartialName);
        try
        {
            Directory.CreateDirectory(_partial);
            _lock = OpenLock();
            _train = new TokenStreamWriter(Path.Join(_partial, FileName("train")), options.Format);
            _val = options.ValidationFraction > 0 ? new TokenStreamWriter(Path.Join(_partial, FileName("val")), options.Format) : null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new UserErrorException(
                $"The folder {options.OutputDirectory} cannot be written: {e.Message.TrimEnd('.')}. Choose another with --out.",
                ExitCode.Failed,
                e);
        }
    }

    public long Tokens => _train.Tokens + (_val?.Tokens ?? 0);

    public long Documents => _train.Documents + (_val?.Documents ?? 0);

    /// <summary>The stream for a document of that hash.</summary>
    public TokenStreamWriter StreamOf(ulong hash) =>
        _val is not null && DocumentHash.IsValidation(hash, _options.ValidationFraction) ? _val : _train;

    /// <summary>
    /// Ends the streams, writes <c>dataset.json</c>, and moves all into place. A validation stream that got no document is not written.
    /// </summary>
    public DatasetInfo Commit(ITokenizer tokenizer, IReadOnlyList<DatasetInfo.SourceInfo> sources, long brokenRecords)
    {
        CheckNotEmpty();
        DatasetInfo info = new()
        {
            Tokenizer = tokenizer.Name,
            VocabularySize = tokenizer.VocabularySize,
            DocumentToken = tokenizer.DocumentToken,
            Tokens = Tokens,
            Documents = Documents,
            BrokenRecords = brokenRecords,
            Train = Finish(_train, "train"),
            Val = _val is null or { Documents: 0 } ? null : Finish(_val, "val"),
            Sources = sources,
        };
        string infoPath = Path.Join(_partial, DatasetInfo.FileName);
        using (FileStream file = new(infoPath, FileMode.Create))
        {
            JsonSerializer.Serialize(file, info, DatasetJson.Default.DatasetInfo);
            file.Flush(flushToDisk: true);
        }

        _train.Dispose();
        _val?.Dispose();
        MoveIntoPlace(info);
        return info;
    }

    public void Dispose()
    {
        _train.Dispose();
        _val?.Dispose();
        Directory.Delete(_partial, recursive: true);
        _lock.Dispose();
        if (_createdFolder && Directory.GetFileSystemEntries(_options.OutputDirectory).Length == 0)
        {
            Directory.Delete(_options.OutputDirectory);
        }
    }

    private FileStream OpenLock()
    {
        try
        {
            return new FileStream(Path.Join(_partial, "lock"), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        }
        catch (IOException e)
        {
            throw new UserErrorException(
                $"Another gpt prepare is writing to {_options.OutputDirectory}. Wait for it, or choose another folder with --out.",
                ExitCode.Failed,
                e);
        }
    }

    private void CheckNotEmpty()
    {
        if (Documents == 0)
        {
            throw new UserErrorException("The inputs have no document with text in it, so there is no dataset to write. Check --input.");
        }

        if (_train.Documents == 0)
        {
            throw new UserErrorException(
                $"All {Documents} documents fell to the validation stream. Give more documents, or --val-fraction 0.");
        }
    }

    private DatasetInfo.StreamInfo Finish(TokenStreamWriter stream, string name)
    {
        string hash = stream.Finish();
        return new DatasetInfo.StreamInfo(FileName(name), stream.Tokens, stream.Documents, hash);
    }

    private string FileName(string name) => name + (_options.Format == TokenStreamFormat.Npy ? ".npy" : ".bin");

    // Until the last rename dataset.json says that the streams are being replaced: wherever the process is killed, new streams never
    // pass for whole beside old ones. The folder is flushed so that a power cut keeps this order, too.
    private void MoveIntoPlace(DatasetInfo info)
    {
        string folder = _options.OutputDirectory;
        string marker = Path.Join(_partial, "replacing.json");
        using (FileStream file = new(marker, FileMode.Create))
        {
            file.Write(DatasetInfo.Replacing);
            file.Flush(flushToDisk: true);
        }

        File.Move(marker, Path.Join(folder, DatasetInfo.FileName), overwrite: true);
        FolderSync.Flush(folder);
        foreach (string old in (string[])["train.bin", "train.npy", "val.bin", "val.npy"])
        {
            string path = Path.Join(folder, old);
            if (old == info.Train.File || old == info.Val?.File)
            {
                File.Move(Path.Join(_partial, old), path, overwrite: true);
            }
            else
            {
                File.Delete(path);
            }
        }

        FolderSync.Flush(folder);
        File.Move(Path.Join(_partial, DatasetInfo.FileName), Path.Join(folder, DatasetInfo.FileName), overwrite: true);
        FolderSync.Flush(folder);
    }
}
