using GptEngine.Runtime;

namespace GptEngine.Engine.Data.Streaming;

/// <summary>What a rank reads of a token source.</summary>
public sealed record TokenLoaderOptions
{
    /// <summary>T: tokens of a sequence.</summary>
    public required int ContextLength { get; init; }

    /// <summary>B: sequences of one rank in one micro-step.</summary>
    public required int MicroBatch { get; init; }

    /// <summary>Tokens of an optimizer step, all ranks and micro-steps together. A multiple of micro-batch × T × world size.</summary>
    public required long AccBatchSize { get; init; }

    public int WorldSize { get; init; } = 1;

    public int Rank { get; init; }

    public DataOrder Order { get; init; } = DataOrder.Sequential;

    /// <summary>What the shuffled order is drawn from.</summary>
    public ulong Seed { get; init; }

    /// <summary>The token that opens a document; negative where there is no document mask, and every document start is 0.</summary>
    public int DocumentToken { get; init; } = -1;

    /// <exception cref="UserErrorException">A size is out of range, or the step is no whole number of micro-steps.</exception>
    public void Validate()
    {
        if (ContextLength < 1 || MicroBatch < 1 || WorldSize < 1 || AccBatchSize < 1)
        {
            throw new UserErrorException(
                $"Context length {ContextLength}, micro-batch {MicroBatch}, world size {WorldSize} and acc_batch_size {AccBatchSize} " +
                "must all be at least 1.",
                ExitCode.Usage);
        }

        if (Rank < 0 || Rank >= WorldSize)
        {
            throw new UserErrorException($"Rank {Rank} is outside the world of {WorldSize}.", ExitCode.Usage);
        }

        // In decimal the product of three ints cannot overflow.
        decimal batchJump = (decimal)MicroBatch * ContextLength * WorldSize;
        if (AccBatchSize % batchJump != 0 || AccBatchSize / batchJump > int.MaxValue)
        {
            throw new UserErrorException(
                $"acc_batch_size {AccBatchSize} is no multiple of {batchJump} (micro_batch {MicroBatch} × context_length {ContextLength} × " +
                $"world size {WorldSize}). Round it down to one.",
                ExitCode.Usage);
        }
    }
}
