using System;
using GptEngine.Runtime;

namespace GptEngine.Engine.Data.Streaming;

/// <summary>
/// The validation stream in batches, the same ones each time: sequence s is tokens [s·T, (s+1)·T], from the start of the stream; batch i has
/// the sequences [i·B·W, (i+1)·B·W), of which rank r takes those with s mod W = r. What does not fill a batch at the end is left out.
/// </summary>
public sealed class EvaluationWindows
{
    private readonly ITokenSource _source;
    private readonly int _rows;
    private readonly int _columns;
    private readonly int _worldSize;
    private readonly int _rank;
    private readonly int _documentToken;

    /// <param name="source">The validation stream.</param>
    /// <param name="microBatch">B: sequences of a rank in a batch.</param>
    /// <param name="contextLength">T.</param>
    /// <param name="mostBatches">At most so many batches are used.</param>
    /// <param name="worldSize">W.</param>
    /// <param name="rank">r.</param>
    /// <param name="documentToken">Opens a document; negative where there is no document mask.</param>
    /// <exception cref="UserErrorException">The stream does not fill one batch.</exception>
    public EvaluationWindows(
        ITokenSource source, int microBatch, int contextLength, long mostBatches, int worldSize = 1, int rank = 0, int documentToken = -1)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(microBatch);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(contextLength);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(mostBatches);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(worldSize);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)rank, (uint)worldSize);
        _source = source;
        _rows = microBatch;
        _columns = contextLength;
        _worldSize = worldSize;
        _rank = rank;
        _documentToken = documentToken;
        long sequences = (source.Count - 1) / contextLength;
        BatchCount = Math.Min(mostBatches, sequences / ((long)microBatch * worldSize));
        if (BatchCount == 0)
        {
            throw new UserErrorException(
                $"{source.Name} has {source.Count} tokens, and one evaluation batch takes {((long)microBatch * worldSize * contextLength) + 1}. " +
                "Prepare with a larger --val-fraction, or evaluate with a smaller batch.");
        }
    }

    public long BatchCount { get; }

    /// <summary>Tokens that are predicted over all batches and ranks.</summary>
    public long TargetCount => BatchCount * _rows * _worldSize * _columns;

    /// <summary>Fills a batch with this rank's sequences of batch <paramref name="index"/>. Allocates nothing.</summary>
    public void Read(long index, TokenBatch batch)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(index);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(index, BatchCount);
        batch.CheckShape(_rows, _columns);
        for (int row = 0; row < _rows; row++)
        {
            long sequence = _rank + (((index * _rows) + row) * _worldSize);
            batch.ReadRow(row, _source, sequence * _columns, _documentToken);
        }

        _source.Prefetch((index + 1) * _rows * _worldSize * _columns, ((long)_rows * _worldSize * _columns) + 1);
    }
}
