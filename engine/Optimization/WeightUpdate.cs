using System;
using System.Collections.Generic;
using GptEngine.Engine.Ranks;
using GptEngine.Engine.Training;
using GptEngine.Kernels.Common;
using GptEngine.Runtime.Communication;
using GptEngine.Runtime.Memory;

namespace GptEngine.Engine.Optimization;

/// <summary>
/// Gradient norm and AdamW, once a step has all gradients. Where ranks shard the optimizer, each updates its part of every bucket, with a
/// norm over the parts of all, and what it made is brought to the others (Rajbhandari et al. 2020, section 5.1) as
/// <see cref="WeightGathering"/> has it.
/// </summary>
internal sealed class WeightUpdate
{
    private readonly IOperations _operations;
    private readonly TrainingMemory _memory;
    private readonly AdamWOptions _options;
    private readonly Communicator? _collectives;
    private readonly WeightGathering? _gathering;
    private readonly Part[] _parts = [];

    /// <param name="operations">Where it runs.</param>
    /// <param name="memory">Weights, gradients, moments, scalars.</param>
    /// <param name="options">The constants.</param>
    /// <param name="collectives">Joins the ranks; null for a process alone.</param>
    /// <param name="gathering">Where ranks shard the optimizer; else null.</param>
    public WeightUpdate(IOperations operations, TrainingMemory memory, in AdamWOptions options, Communicator? collectives, WeightGathering? gathering)
    {
        (_operations, _memory, _options, _collectives, _gathering) = (operations, memory, options, collectives, gathering);
        if (memory.SquareSums is { } sums)
        {
            _parts = [.. Parts(operations, memory, sums)];
        }
    }

    /// <summary>Enqueues it.</summary>
    public void Enqueue()
    {
        if (_gathering is not { } gathering)
        {
            _operations.GradientNorm(_memory.Gradients.Arena, _memory.Scalars, _options);
            _operations.AdamW(
                _memory.Parameters.MasterShard.Memory, _memory.Gradients.Arena, _memory.FirstMoment.Memory, _memory.SecondMoment.Memory,
                _memory.Parameters.ComputeCopy, _memory.Parameters.Catalogue.DecayCount, _memory.Scalars, _options);
            return;
        }

        Measure(_collectives!);
        foreach (int bucket in gathering.Order.Span)
        {
            Part part = _parts[bucket];
            _operations.AdamW(
                part.Master, part.Gradients, part.FirstMoment, part.SecondMoment, part.Copy, part.DecayCount, _memory.Scalars, _options);
            gathering.AfterUpdate(bucket);
        }

        gathering.FinishUpdate();
    }

    private void Measure(Communicator collectives)
    {
        foreach (Part part in _parts)
        {
            _operations.GradientSquares(part.Gradients, part.Squares);
        }

        collectives.Follow();
        collectives.AllReduce(_memory.SquareSums!);
        collectives.Join();
        _operations.GradientNormOfSquares(_memory.SquareSums!, _memory.Scalars, _options);
    }

    private static IEnumerable<Part> Parts(IOperations operations, TrainingMemory memory, Tensor sums)
    {
        ArenaMap map = memory.Parameters.Map;
        long at = 0;
        for (int i = 0; i < map.Share.Count; i++)
        {
            ArenaRange range = map.Share[i];
            long squares = operations.GradientSquaresCount(range.Count);
            yield return new Part(
                memory.Parameters.MasterShard.Slices[i],
                memory.Gradients.Arena.View($"gradients.part{i}", range.Start, range.Count),
                memory.FirstMoment.Slices[i],
                memory.SecondMoment.Slices[i],
                memory.Parameters.ComputeCopy is null ? null : memory.Parameters.ComputeShard.Slices[i],
                sums.View($"gradients.part{i}.squares", at, squares),
                Math.Clamp(memory.Parameters.Catalogue.DecayCount - range.Start, 0, range.Count));
            at += squares;
        }
    }

    /// <summary>This rank's part of one bucket.</summary>
    private sealed record Part(
        Tensor Master, Tensor Gradients, Tensor FirstMoment, Tensor SecondMoment, Tensor? Copy, Tensor Squares, long DecayCount);
}
