using System;
using GptEngine.Runtime;

namespace GptEngine.Engine.Data.Streaming;

/// <summary>
/// Which tokens a rank reads in which micro-step, and reads them. With A = acc_batch_size, T the context length, W ranks and n tokens:
/// an epoch has E = n / A steps; step q reads window q mod E (permuted when shuffled) of epoch q / E, the tokens [w·A, (w+1)·A] with the last
/// one a target only; sequence s is [s·T, (s+1)·T] of it; rank r takes the sequences r, r + W, r + 2W, …, B of them a micro-step. So the
/// sequences of micro-step m over all ranks are [m·B·W, (m+1)·B·W), and those of a step do not depend on W. Where A divides n, the last
/// window's final target lies behind the end: it is the stream's first token, as the stream starts again there.
/// </summary>
public sealed class BatchSampler
{
    private readonly ITokenSource _source;
    private readonly TokenLoaderOptions _options;

    /// <exception cref="UserErrorException">The options do not fit each other, or the source has less than one step.</exception>
    public BatchSampler(ITokenSource source, TokenLoaderOptions options)
    {
        options.Validate();
        _source = source;
        _options = options;
        MicroSteps = (int)(options.AccBatchSize / ((long)options.MicroBatch * options.ContextLength * options.WorldSize));
        StepsPerEpoch = source.Count / options.AccBatchSize;
        if (StepsPerEpoch == 0)
        {
            throw new UserErrorException(
                $"{source.Name} has {source.Count} tokens, fewer than one optimizer step of acc_batch_size {options.AccBatchSize}. " +
                "Give more data or a smaller acc_batch_size.");
        }
    }

    /// <summary>E: optimizer steps of an epoch.</summary>
    public long StepsPerEpoch { get; }

    public TokenLoaderOptions Options => _options;

    /// <summary>Micro-steps of an optimizer step.</summary>
    public int MicroSteps { get; }

    public DataPosition PositionOf(long step)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(step);
        (long epoch, long window) = Math.DivRem(step, StepsPerEpoch);
        if (_options.Order == DataOrder.Shuffled)
        {
            window = new WindowPermutation(StepsPerEpoch, _options.Seed, epoch)[window];
        }

        return new DataPosition(step, epoch, window);
    }

    /// <summary>Fills a batch with this rank's sequences of one micro-step. Allocates nothing.</summary>
    public void Read(DataPosition position, int microStep, TokenBatch batch)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(microStep);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(microStep, MicroSteps);
        batch.CheckShape(_options.MicroBatch, _options.ContextLength);
        long windowStart = position.Window * _options.AccBatchSize;
        long firstOfRank = (long)microStep * _options.MicroBatch;
        for (int row = 0; row < _options.MicroBatch; row++)
        {
            long sequence = _options.Rank + ((firstOfRank + row) * _options.WorldSize);
            batch.ReadRow(row, _source, windowStart + (sequence * _options.ContextLength), _options.DocumentToken);
        }
    }

    /// <summary>Has the window of a step fetched from disk.</summary>
    public void Prefetch(DataPosition position) => _source.Prefetch(position.Window * _options.AccBatchSize, _options.AccBatchSize + 1);
}
