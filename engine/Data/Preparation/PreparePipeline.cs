using System;
using System.Collections.Concurrent;
using System.Collections.Generic;
using System.IO;
using System.Runtime.ExceptionServices;
using System.Threading;
using GptEngine.Engine.Tokenization;
using GptEngine.Runtime;

namespace GptEngine.Engine.Data.Preparation;

/// <summary>
/// Reads, encodes and hands over blocks: one thread reads, some encode, and the caller's takes the results in input order. The number
/// of blocks under way is fixed, so memory is bounded and a slow stage holds the others up.
/// </summary>
internal sealed class PreparePipeline : IDisposable
{
    private readonly IReadOnlyList<InputSource> _sources;
    private readonly ITokenizer _tokenizer;
    private readonly Stream _standardInput;
    private readonly WorkItem[] _items;
    private readonly BlockingCollection<WorkItem> _free = [];
    private readonly BlockingCollection<WorkItem> _toEncode = [];
    private readonly BlockingCollection<WorkItem> _inOrder = [];
    private readonly CancellationTokenSource _stop;
    private readonly CancellationToken _callersStop;
    private readonly List<Thread> _threads = [];
    private ExceptionDispatchInfo? _failure;

    public PreparePipeline(
        IReadOnlyList<InputSource> sources, ITokenizer tokenizer, int workers, Stream standardInput, CancellationToken cancellation)
    {
        _sources = sources;
        _tokenizer = tokenizer;
        _standardInput = standardInput;
        _callersStop = cancellation;
        _stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        _items = new WorkItem[(2 * workers) + 2];
        for (int i = 0; i < _items.Length; i++)
        {
            _items[i] = new WorkItem();
            _free.Add(_items[i], CancellationToken.None);
        }

        Start("prepare: read", Read);
        for (int i = 0; i < workers; i++)
        {
            Start($"prepare: encode {i}", Encode);
        }
    }

    /// <summary>Calls <paramref name="take"/> with each block's result in input order, on this thread.</summary>
    /// <exception cref="OperationCanceledException">The caller's token was cancelled.</exception>
    /// <exception cref="UserErrorException">An input cannot be read.</exception>
    public void Run(Action<WorkItem> take)
    {
        try
        {
            foreach (WorkItem item in _inOrder.GetConsumingEnumerable(_stop.Token))
            {
                item.Encoded.Wait(_stop.Token);
                take(item);
                item.Block.Dispose();
                item.Encoded.Reset();
                _free.Add(item, _stop.Token);
            }
        }
        catch (OperationCanceledException) when (!_callersStop.IsCancellationRequested)
        {
            // A thread failed and stopped the others; its exception is the one to report.
            _failure?.Throw();
            throw;
        }
    }

    public void Dispose()
    {
        _stop.Cancel();
        foreach (Thread thread in _threads)
        {
            thread.Join();
        }

        foreach (WorkItem item in _items)
        {
            item.Dispose();
        }

        _free.Dispose();
        _toEncode.Dispose();
        _inOrder.Dispose();
        _stop.Dispose();
    }

    private static BlockRule RuleOf(InputFormat format) => format switch
    {
        InputFormat.JsonLines => BlockRule.Lines,
        InputFormat.DotnetXml => BlockRule.XmlMembers,
        _ => BlockRule.Text,
    };

    private void Start(string name, Action body)
    {
        Thread thread = new(() => Guard(body)) { Name = name, IsBackground = true };
        _threads.Add(thread);
        thread.Start();
    }

    private void Guard(Action body)
    {
        try
        {
            body();
        }
        catch (OperationCanceledException) when (_stop.IsCancellationRequested)
        {
            // Whoever stopped the pipeline reports why.
        }
        catch (Exception e)
        {
            Interlocked.CompareExchange(ref _failure, ExceptionDispatchInfo.Capture(e), null);
            _stop.Cancel();
        }
    }

    private void Read()
    {
        long storedBefore = 0;
        for (int source = 0; source < _sources.Count; source++)
        {
            InputSource input = _sources[source];
            using InputOpener opener = new(input, _standardInput);
            using BlockReader reader = new(opener.Content, RuleOf(input.Format));
            while (TryRead(reader, input, out Block block))
            {
                WorkItem item = _free.Take(_stop.Token);
                item.Block = block;
                item.Source = source;
                item.BytesRead = storedBefore + opener.StoredBytesRead;
                _inOrder.Add(item, _stop.Token);
                _toEncode.Add(item, _stop.Token);
            }

            storedBefore += input.Bytes;
        }

        _inOrder.CompleteAdding();
        _toEncode.CompleteAdding();
    }

    private static bool TryRead(BlockReader reader, InputSource input, out Block block)
    {
        try
        {
            return reader.TryRead(out block);
        }
        catch (Exception e) when (e is IOException or InvalidDataException or UnauthorizedAccessException)
        {
            throw new UserErrorException(
                $"The input {input.Path} cannot be read: {e.Message.TrimEnd('.')}. Replace the file or leave it out.", ExitCode.Failed, e);
        }
    }

    private void Encode()
    {
        BlockEncoder encoder = new(_tokenizer);
        foreach (WorkItem item in _toEncode.GetConsumingEnumerable(_stop.Token))
        {
            encoder.Encode(item.Block, _sources[item.Source].Format, item.Result);
            item.Encoded.Set();
        }
    }
}
