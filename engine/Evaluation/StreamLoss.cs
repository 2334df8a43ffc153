using System;
using System.Linq;
using GptEngine.Engine.Data.Streaming;
using GptEngine.Engine.Model;
using GptEngine.Engine.Ranks;
using GptEngine.Kernels.Common;
using GptEngine.Runtime.Devices;
using GptEngine.Runtime.Memory;

namespace GptEngine.Engine.Evaluation;

/// <summary>
/// The mean loss over the first windows of a stream, the same ones each time. Losses are summed on the host in double, window by window,
/// so that the result depends on neither batch nor world size; of a last batch that the stream does not fill only the real rows count.
/// </summary>
internal sealed class StreamLoss : IDisposable
{
    private readonly Device _device;
    private readonly GptModel _model;
    private readonly BatchTensors _batch;
    private readonly PinnedBuffer _tokens;
    private readonly PinnedBuffer _losses;
    private readonly TokenBatch[] _rows;
    private readonly CapturedWork _evaluate;

    public StreamLoss(IOperations operations, GptModel model, BatchTensors batch)
    {
        _device = operations.Device;
        _model = model;
        _batch = batch;
        _tokens = _device.AllocatePinned(batch.All.Bytes);
        _tokens.AsSpan<byte>(0, (int)batch.All.Bytes).Clear();
        _losses = _device.AllocatePinned(model.Losses.Bytes);
        int time = (int)batch.Tokens[1];
        nint start = (nint)_tokens.Address;
        nint part = (nint)batch.Tokens.Bytes;
        _rows =
        [
            .. Enumerable.Range(0, (int)batch.Tokens[0]).Select(row => start + ((nint)row * time * sizeof(int))).Select(
                at => new TokenBatch(at, at + part, at + (2 * part), 1, time)),
        ];
        _evaluate = _device.Capture("evaluate", model.Evaluate);
    }

    /// <summary>Loss over up to <paramref name="mostWindows"/> windows of T tokens, which the ranks of a run share among them.</summary>
    /// <param name="source">The stream.</param>
    /// <param name="mostWindows">Windows at most.</param>
    /// <param name="documentToken">Opens a document; negative where there is no mask.</param>
    /// <param name="ranks">Who shares the windows: each takes every W-th batch of them, and all get the result.</param>
    /// <param name="onProgress">Takes windows done and windows in all, after each batch; may be null.</param>
    /// <exception cref="Runtime.UserErrorException">The stream has not one window, or a token outside the vocabulary.</exception>
    public EvaluationResult Measure(
        ITokenSource source, long mostWindows, int documentToken, RankAgreement ranks, Action<long, long>? onProgress = null)
    {
        var windows = new EvaluationWindows(source, 1, (int)_batch.Tokens[1], mostWindows, documentToken: documentToken);
        double sum = 0;
        for (long first = (long)ranks.Rank * _rows.Length; first < windows.BatchCount; first += (long)ranks.WorldSize * _rows.Length)
        {
            int rows = (int)Math.Min(_rows.Length, windows.BatchCount - first);
            for (int row = 0; row < rows; row++)
            {
                windows.Read(first + row, _rows[row]);
            }

            _device.Upload(_tokens, 0, _batch.All);
            _evaluate.Launch();
            _device.Download(_model.Losses, _losses, 0);
            _device.Synchronize();
            sum += Sum((int)(rows * _batch.Tokens[1]));
            onProgress?.Invoke(first + rows, windows.BatchCount);
        }

        return new EvaluationResult(ranks.Sum("an evaluation", sum) / windows.TargetCount, windows.TargetCount);
    }

    public void Dispose()
    {
        _device.Synchronize();
        _evaluate.Dispose();
        _tokens.Dispose();
        _losses.Dispose();
    }

    private double Sum(int count)
    {
        double sum = 0;
        if (_model.Losses.Type == DataType.Float64)
        {
            foreach (double loss in _losses.AsSpan<double>(0, count))
            {
                sum += loss;
            }

            return sum;
        }

        foreach (float loss in _losses.AsSpan<float>(0, count))
        {
            sum += loss;
        }

        return sum;
    }
}
