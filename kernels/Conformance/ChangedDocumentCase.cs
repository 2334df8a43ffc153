using System;
using System.Collections.Generic;
using System.Linq;
using GptEngine.Kernels.Common;

namespace GptEngine.Kernels.Conformance;

/// <summary>
/// What stands in one document changes nothing of another, to the bit, forward or backward; and all of its own, for else nothing would be
/// seen. The error is the number of rows where that does not hold, and 0 is allowed.
/// </summary>
internal sealed class ChangedDocumentCase(int time, int headSize) : OperationCase("Attention", $"B=2 T={time} H=2 D={headSize} one document changed")
{
    private const int Batch = 2;

    public override IReadOnlyList<TensorVerdict> Run(OperationComparison comparison, int seed)
    {
        ArgumentNullException.ThrowIfNull(comparison);
        var shape = new AttentionShape(Batch, time, 2, headSize);
        var random = new Random(seed);
        int[] starts = AttentionCases.DocumentStarts(random, Batch, time, time == 2 ? DocumentLayout.EveryToken : DocumentLayout.Ragged);
        int victim = random.Next(Batch * time);
        int document = DocumentOf(starts, victim);
        Dictionary<string, OperationResult> before = comparison.Run(Act(shape, starts, changed: -1), seed);
        Dictionary<string, OperationResult> after = comparison.Run(Act(shape, starts, document), seed);
        return [.. new[] { "output", "gradQkv" }.Select(name => new TensorVerdict(
            name,
            Enumerable.Range(0, Batch * time).Count(row => IsSame(before[name], after[name], row) == (DocumentOf(starts, row) == document)),
            0,
            IsRepeatable: true))];
    }

    private Action<OperationBench> Act(AttentionShape shape, int[] starts, int changed) => bench =>
    {
        double[] qkv = bench.Normal(shape.Rows * 3 * shape.Channels);
        double[] gradOutput = bench.Normal(shape.Rows * shape.Channels);
        for (int row = Math.Max(changed, 0); changed >= 0 && row < Batch * time && DocumentOf(starts, row) == changed; row++)
        {
            bench.Normal(3 * shape.Channels, 5).CopyTo(qkv, row * 3 * shape.Channels);
            bench.Normal(shape.Channels, 5).CopyTo(gradOutput, row * shape.Channels);
        }

        qkv = bench.Rounded(TensorKind.Storage, qkv);
        AttentionCases.Backward(bench, qkv, gradOutput, starts, shape);
        bench.Operations.AttentionForward(
            bench.Read("qkvAgain", TensorKind.Storage, qkv, shape.Rows, 3 * shape.Channels),
            bench.Read("startsAgain", starts, Batch, time),
            bench.Write("output", TensorKind.Storage, shape.Rows, shape.Channels),
            bench.Write("logSumExp", TensorKind.Master, Batch, 2, time),
            shape);
    };

    private bool IsSame(OperationResult before, OperationResult after, int row)
    {
        int rowBytes = before.Bytes.Length / (Batch * time);
        return before.Bytes.AsSpan(row * rowBytes, rowBytes).SequenceEqual(after.Bytes.AsSpan(row * rowBytes, rowBytes));
    }

    private int DocumentOf(int[] starts, int row) => (row / time * time) + starts[row];
}
