using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.IO;
using System.Linq;
using System.Threading;
using GptEngine.Engine.Tokenization;
using GptEngine.Runtime;

namespace GptEngine.Engine.Data.Preparation;

/// <summary><c>gpt prepare</c>: text to token streams.</summary>
public sealed class PrepareCommand
{
    private readonly PrepareOptions _options;
    private readonly Action<PrepareProgress>? _progress;
    private readonly Stopwatch _watch = Stopwatch.StartNew();
    private readonly List<InputSource> _sources;
    private readonly List<string> _broken = [];
    private readonly long _bytesTotal;
    private readonly long[] _documentsOf;
    private readonly long[] _tokensOf;
    private readonly long[] _brokenOf;
    private readonly long[] _recordsOf;
    private long _textBytes;
    private TokenStreamWriter? _open;

    private PrepareCommand(PrepareOptions options, Action<PrepareProgress>? progress)
    {
        options.Validate();
        _options = options;
        _progress = progress;
        _sources = InputDiscovery.Find(options.Inputs, options.StandardInputFormat);
        bool isTotalKnown = _sources.TrueForAll(source => source.Path != InputSource.StandardInput);
        _bytesTotal = isTotalKnown ? _sources.Sum(source => source.Bytes) : 0;
        _documentsOf = new long[_sources.Count];
        _tokensOf = new long[_sources.Count];
        _brokenOf = new long[_sources.Count];
        _recordsOf = new long[_sources.Count];
    }

    /// <summary>Prepares a dataset. The files depend on the inputs and the options alone, not on the number of workers.</summary>
    /// <param name="options">What to do.</param>
    /// <param name="standardInput">Read where an input is <c>-</c>.</param>
    /// <param name="progress">Called on this thread after each block; null for no reports.</param>
    /// <param name="cancellation">Stops the run; nothing partial is left.</param>
    /// <exception cref="UserErrorException">
    /// An option or input is wrong, an input cannot be read, a record is broken under <see cref="PrepareOptions.Strict"/>, or the output
    /// cannot be written. An earlier dataset is then still there.
    /// </exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public static PrepareResult Run(
        PrepareOptions options, Stream standardInput, Action<PrepareProgress>? progress, CancellationToken cancellation) =>
        new PrepareCommand(options, progress).Run(standardInput, cancellation);

    private PrepareResult Run(Stream standardInput, CancellationToken cancellation)
    {
        ITokenizer tokenizer = Tokenizers.Get(_options.Tokenizer);
        using DatasetWriter writer = new(_options);
        using (PreparePipeline pipeline = new(_sources, tokenizer, _options.Workers, standardInput, cancellation))
        {
            try
            {
                pipeline.Run(item => Take(item, writer));
            }
            catch (IOException e)
            {
                throw new UserErrorException(
                    $"Writing to {_options.OutputDirectory} failed: {e.Message.TrimEnd('.')}. Nothing was kept.", ExitCode.Failed, e);
            }
        }

        DatasetInfo info = writer.Commit(tokenizer, DescribeSources(), _brokenOf.Sum());
        return new PrepareResult(info, _broken, _textBytes, _watch.Elapsed);
    }

    private void Take(WorkItem item, DatasetWriter writer)
    {
        EncodedBlock result = item.Result;
        NoteBroken(item.Source, result);
        foreach (EncodedBlock.DocumentSpan document in result.Documents)
        {
            if (!document.Continues)
            {
                _open = writer.StreamOf(document.Hash);
                _open.Documents++;
                _documentsOf[item.Source]++;
            }

            _open!.Write(result.Tokens.Tokens.Slice(document.Start, document.Length));
        }

        _tokensOf[item.Source] += result.Tokens.Count;
        _textBytes += result.TextBytes;
        _progress?.Invoke(new PrepareProgress(
            item.BytesRead, _bytesTotal, _textBytes, writer.Documents, writer.Tokens, _watch.Elapsed));
    }

    private void NoteBroken(int source, EncodedBlock result)
    {
        InputSource input = _sources[source];
        string unit = input.Format == InputFormat.JsonLines ? "line" : "member";
        foreach (EncodedBlock.BrokenRecord broken in result.Broken)
        {
            string sentence = $"{input.Path}, {unit} {_recordsOf[source] + broken.Record + 1}: {broken.Problem}";
            if (_options.Strict)
            {
                throw new UserErrorException($"{sentence}. Correct it, or leave out --strict to pass over such records.");
            }

            if (_broken.Count < EncodedBlock.MostDescribed)
            {
                _broken.Add(sentence);
            }
        }

        _brokenOf[source] += result.BrokenCount;
        _recordsOf[source] += result.Records;
    }

    private List<DatasetInfo.SourceInfo> DescribeSources() =>
        [.. _sources.Select((source, i) => new DatasetInfo.SourceInfo(source.Path, _documentsOf[i], _tokensOf[i], _brokenOf[i]))];
}
