using System;
using GptEngine.Engine.Configuration;
using GptEngine.Runtime;

namespace GptEngine.Engine.Training;

/// <summary>How an optimizer step is cut into micro-steps, resolved from the <c>training</c> section.</summary>
/// <param name="MicroBatch">Sequences of one rank in a micro-step.</param>
/// <param name="WorldSize">Ranks.</param>
/// <param name="ContextLength">Tokens of a sequence.</param>
/// <param name="AccBatchSize">Tokens of an optimizer step, a multiple of <see cref="BatchJump"/>.</param>
public readonly record struct BatchPlan(int MicroBatch, int WorldSize, int ContextLength, long AccBatchSize)
{
    private const int LargestBatch = 1 << 20;

    /// <summary>Sequences of all ranks in a micro-step.</summary>
    public int BatchSize => MicroBatch * WorldSize;

    /// <summary>Tokens of all ranks in a micro-step.</summary>
    public long BatchJump => (long)BatchSize * ContextLength;

    /// <summary>Micro-steps of an optimizer step: num_chunked_batches.</summary>
    public int MicroSteps => (int)(AccBatchSize / BatchJump);

    /// <summary>Resolves batch_size or micro_batch, and rounds acc_batch_size down.</summary>
    /// <exception cref="UserErrorException">Usage: the sizes are missing, contradict each other, or do not divide.</exception>
    public static BatchPlan Resolve(TrainingConfiguration training, int contextLength, int worldSize)
    {
        ArgumentNullException.ThrowIfNull(training);
        ArgumentOutOfRangeException.ThrowIfLessThan(worldSize, 1);
        int microBatch = ResolveMicroBatch(training, worldSize);
        if ((long)microBatch * contextLength > int.MaxValue || (long)microBatch * worldSize > int.MaxValue)
        {
            throw Refuse(
                $"micro_batch {microBatch} × context_length {contextLength} on {worldSize} ranks is more than a micro-step can have " +
                $"({int.MaxValue} tokens a rank, {int.MaxValue} sequences in all). Lower training.micro_batch.");
        }

        long jump = (long)microBatch * worldSize * contextLength;
        long wanted = training.AccBatchSize ?? jump;
        if (wanted < jump)
        {
            throw Refuse(
                $"training.acc_batch_size is {wanted} tokens, less than one micro-step of {jump} (batch_size {microBatch * worldSize} × context_length " +
                $"{contextLength}). Raise it to at least {jump}, or lower batch_size.");
        }

        if (wanted / jump > int.MaxValue)
        {
            throw Refuse($"training.acc_batch_size is {wanted} tokens, more micro-steps than can be counted. Lower it.");
        }

        return new BatchPlan(microBatch, worldSize, contextLength, wanted / jump * jump);
    }

    private static int ResolveMicroBatch(TrainingConfiguration training, int worldSize)
    {
        if (training.BatchSize is not { } batchSize)
        {
            int given = training.MicroBatch
                ?? throw Refuse("Neither training.batch_size nor training.micro_batch is set. Set one of the two.");
            return InRange("micro_batch", given);
        }

        if (InRange("batch_size", batchSize) % worldSize != 0)
        {
            int lower = batchSize / worldSize * worldSize;
            throw Refuse(
                $"training.batch_size is {batchSize}, which the world size of {worldSize} does not divide. Take " +
                $"{(lower > 0 ? $"{lower} or " : "")}{lower + worldSize}, or set training.micro_batch instead.");
        }

        if (training.MicroBatch is { } microBatch && (long)InRange("micro_batch", microBatch) * worldSize != batchSize)
        {
            throw Refuse(
                $"training.batch_size is {batchSize} and training.micro_batch {microBatch}, and {microBatch} × {worldSize} ranks is " +
                $"{(long)microBatch * worldSize}. Set only one of the two.");
        }

        return batchSize / worldSize;
    }

    private static int InRange(string key, int value) =>
        value is >= 1 and <= LargestBatch ? value : throw Refuse($"training.{key} is {value}; it must be from 1 to {LargestBatch}.");

    private static UserErrorException Refuse(string message) => new(message, ExitCode.Usage);
}
