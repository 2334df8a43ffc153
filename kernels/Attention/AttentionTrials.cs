using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using GptEngine.Kernels.Benchmarks;
using GptEngine.Kernels.Common;
using GptEngine.Kernels.Common.Selection;
using GptEngine.Runtime.Memory;

namespace GptEngine.Kernels.Attention;

/// <summary>
/// The variants of one pass of attention over one shape, on noise in which a document opens every few hundred tokens. The plain kernels are the
/// oracle; what they make of inputs moved by up to one unit in the last place says how far results may be apart.
/// </summary>
internal sealed class AttentionTrials : IKernelTrials
{
    /// <summary>Tokens from one document's start to the next: some of a batch's sequences have one within, as web text's do.</summary>
    internal const int DocumentTokens = 500;

    /// <summary>What tensors of a trial may take; more sequences than fit there are not tried: they would be more of the same blocks.</summary>
    private const long MostBytes = 384L << 20;

    // Where in the noise a tensor begins.
    private const int GradientStart = 331_777;

    private readonly AttentionDirection _direction;
    private readonly AttentionShape _shape;
    private readonly Action<string> _warn;
    private readonly TrialMemory _memory;
    private readonly KernelQueue _queue;
    private readonly Dictionary<string, AttentionLauncher> _launchers;
    private readonly Tensor _qkv;
    private readonly Tensor _documentStart;
    private readonly Tensor _output;
    private readonly Tensor _logSumExp;
    private readonly Tensor? _gradOutput;
    private readonly Tensor? _workspace;
    private readonly TrialResult[] _results;

    /// <summary>Takes memory, and has the plain kernels make what the others are held to.</summary>
    /// <param name="queue">The GPU; nothing is enqueued to its own stream.</param>
    /// <param name="storage">x, of 16 bits.</param>
    /// <param name="direction">The pass.</param>
    /// <param name="shape">As <see cref="Tried"/> has it.</param>
    /// <param name="variants">Those tried, the plain one among them.</param>
    /// <param name="warn">Hears of a kernel that does not end.</param>
    /// <exception cref="Runtime.Cuda.GpuException">The GPU has no room.</exception>
    internal AttentionTrials(
        KernelQueue queue, DataType storage, AttentionDirection direction, in AttentionShape shape, IEnumerable<AttentionVariant> variants, Action<string> warn)
    {
        (_direction, _shape, _warn) = (direction, shape, warn);
        _memory = new TrialMemory(queue.Driver);
        try
        {
            _queue = queue.Beside(_memory.Stream);
            int headSize = shape.HeadSize;
            _launchers = variants.ToDictionary(AttentionVariants.WordOf, variant => new AttentionLauncher(_queue, storage, headSize, variant));
            _qkv = _memory.Take("qkv", storage, shape.Rows, 3 * shape.Channels);
            _documentStart = _memory.Take("documentStart", DataType.Int32, shape.Batch, shape.Time);
            _output = _memory.Take("output", storage, shape.Rows, shape.Channels);
            _logSumExp = _memory.Take("logSumExp", DataType.Float32, shape.Batch, shape.Heads, shape.Time);
            if (direction == AttentionDirection.Forward)
            {
                _results =
                [
                    new(_memory.Take("output", storage, shape.Rows, shape.Channels), _output, shape.Channels, "output"),
                    new(_memory.Take("logSumExp", DataType.Float32, shape.Batch, shape.Heads, shape.Time), _logSumExp, shape.Time, "logSumExp"),
                ];
            }
            else
            {
                _gradOutput = _memory.Take("gradOutput", storage, shape.Rows, shape.Channels);
                _workspace = _memory.Take("workspace", DataType.Float32, AttentionLauncher.BackwardWorkspaceBytes(shape) / sizeof(float));
                _results =
                [
                    new(Gradient(), Gradient(), shape.Channels, "gradient of Q", "gradient of K", "gradient of V"),
                ];
            }

            MakeExpected(storage);
        }
        catch
        {
            Dispose();
            throw;
        }

        Tensor Gradient() => _memory.Take("gradQkv", storage, _shape.Rows, 3 * _shape.Channels);
    }

    /// <summary>The shape that stands for another in trials: with as many of its sequences as memory is taken for.</summary>
    internal static AttentionShape Tried(in AttentionShape shape, DataType storage)
    {
        // qkv, output and its gradient; the gradients of qkv, expected and actual.
        long sequence = (long)shape.Time * shape.Channels * storage.SizeInBytes() * 11;
        return shape with { Batch = (int)Math.Clamp(MostBytes / Math.Max(1, sequence), 1, shape.Batch) };
    }

    public string? Check(string word)
    {
        foreach (TrialResult result in _results)
        {
            _memory.Spoil(result.Actual);
        }

        Launch(word, actual: true);
        Wait(word);
        return _results.Select(result => result.Difference(_memory)).FirstOrDefault(difference => difference is not null);
    }

    public double TimeMs(string word) => _memory.TimeMs(() => Launch(word, actual: true));

    public bool IsAlive() => _memory.IsAlive();

    public void Dispose()
    {
        // Where the GPU does nothing any more, its modules go with the process.
        if (_memory.IsAlive())
        {
            _queue?.Dispose();
        }

        _memory.Dispose();
    }

    /// <summary>The plain kernels' results: of moved inputs first, where a candidate's go, then of the inputs that all have.</summary>
    private void MakeExpected(DataType storage)
    {
        var noise = new TrialNoise(storage);
        _memory.Fill(_documentStart, position => AttentionWorks.DocumentStart(position, _shape.Time, DocumentTokens));
        if (_gradOutput is not null)
        {
            _memory.Fill(_gradOutput, noise, GradientStart, isMoved: false);
        }

        foreach (bool isMoved in new[] { true, false })
        {
            _memory.Fill(_qkv, noise, 0, isMoved);
            if (_direction == AttentionDirection.Backward)
            {
                Plain.Forward(_qkv, _documentStart, _output, _logSumExp, _shape);
            }

            Launch(AttentionVariants.WordOf(AttentionVariant.Plain), actual: isMoved);
            Wait(AttentionVariants.WordOf(AttentionVariant.Plain));
        }

        foreach (TrialResult result in _results)
        {
            result.TakeBounds(_memory);
        }
    }

    private AttentionLauncher Plain => _launchers[AttentionVariants.WordOf(AttentionVariant.Plain)];

    private void Launch(string word, bool actual)
    {
        AttentionLauncher launcher = _launchers[word];
        Tensor first = actual ? _results[0].Actual : _results[0].Expected;
        if (_direction == AttentionDirection.Forward)
        {
            launcher.Forward(_qkv, _documentStart, first, actual ? _results[1].Actual : _results[1].Expected, _shape);
        }
        else
        {
            launcher.Backward(_qkv, _documentStart, _output, _logSumExp, _gradOutput!, first, _shape, _workspace!);
        }
    }

    private void Wait(string word) => _memory.Wait(time => _warn(string.Create(
        CultureInfo.InvariantCulture,
        $"Attention's {word} kernel has been running for {time.TotalSeconds:0} s, where milliseconds are due. If it does not end, kill this process and start again: it is left out then.")));
}
