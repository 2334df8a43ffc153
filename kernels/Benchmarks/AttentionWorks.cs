using System;
using GptEngine.Kernels.Attention;
using GptEngine.Kernels.Common;
using GptEngine.Kernels.Rotary;
using GptEngine.Runtime.Memory;

namespace GptEngine.Kernels.Benchmarks;

/// <summary>Attention with a causal and a document mask, over a cache, and rotary positions.</summary>
internal static class AttentionWorks
{
    public static OperationWork Forward(RotatingTensors tensors, OperationCase test)
    {
        AttentionShape shape = test.Attention;
        Tensor[] qkv = tensors.Normal("qkv", test.Type, [shape.Rows, 3 * shape.Channels]);
        Tensor[] start = DocumentStarts(tensors, test);
        Tensor[] output = tensors.Unwritten("output", test.Type, shape.Rows, shape.Channels);
        Tensor[] sums = tensors.Unwritten("logSumExp", DataType.Float32, shape.Batch, shape.Heads, shape.Time);
        return new(AttentionLauncher.ForwardCost(test.Type, shape, VisiblePairs(test)), i => tensors.Operations.AttentionForward(
            qkv[i], start[i], output[i], sums[i], shape));
    }

    /// <summary>On the sums of a forward pass that has not run: the arithmetic takes the same time for any numbers.</summary>
    public static OperationWork Backward(RotatingTensors tensors, OperationCase test)
    {
        AttentionShape shape = test.Attention;
        Tensor[] qkv = tensors.Normal("qkv", test.Type, [shape.Rows, 3 * shape.Channels]);
        Tensor[] start = DocumentStarts(tensors, test);
        (Tensor[] output, Tensor[] gradOutput) = (tensors.Normal("output", test.Type, [shape.Rows, shape.Channels]), tensors.Normal("gradOutput", test.Type, [shape.Rows, shape.Channels]));
        Tensor[] sums = tensors.Normal("logSumExp", DataType.Float32, [shape.Batch, shape.Heads, shape.Time], positive: true);
        Tensor[] gradQkv = tensors.Unwritten("gradQkv", test.Type, shape.Rows, 3 * shape.Channels);
        tensors.NeedsWorkspace(tensors.Operations.AttentionBackwardWorkspaceBytes(shape));
        return new(AttentionLauncher.BackwardCost(test.Type, shape, VisiblePairs(test)), i => tensors.Operations.AttentionBackward(
            qkv[i], start[i], output[i], sums[i], gradOutput[i], gradQkv[i], shape));
    }

    /// <summary>The last of <c>keys</c> positions: its keys and values into the cache, then attention over all of them.</summary>
    public static OperationWork Decode(RotatingTensors tensors, OperationCase test)
    {
        var shape = new AttentionShape(test["batch"], 1, test["heads"], test["head_size"]);
        int keys = test["keys"];
        Tensor[] qkv = tensors.Normal("qkv", test.Type, [shape.Batch, 3 * shape.Channels]);
        Tensor[] keyCache = tensors.Normal("keyCache", test.Type, [shape.Batch, shape.Heads, keys, shape.HeadSize]);
        Tensor[] valueCache = tensors.Normal("valueCache", test.Type, [shape.Batch, shape.Heads, keys, shape.HeadSize]);
        Tensor[] start = tensors.Integers("documentStart", _ => 0, shape.Batch);
        Tensor[] output = tensors.Unwritten("output", test.Type, shape.Batch, shape.Channels);
        return new(AttentionDecodeLauncher.DecodeCost(test.Type, shape, keys), i => tensors.Operations.AttentionDecode(
            qkv[i], keyCache[i], valueCache[i], start[i], output[i], keys - 1, shape));
    }

    public static OperationWork Rotary(RotatingTensors tensors, OperationCase test)
    {
        AttentionShape shape = test.Attention;
        Tensor[] qkv = tensors.Normal("qkv", test.Type, [shape.Rows, 3 * shape.Channels]);
        (Tensor[] cosine, Tensor[] sine) = (Table("cosine"), Table("sine"));
        return new(RotaryLauncher.Cost(test.Type, shape), i => tensors.Operations.Rotary(qkv[i], cosine[i], sine[i], shape, 0, inverse: false));

        Tensor[] Table(string name) => tensors.Normal(name, DataType.Float32, [shape.Time, shape.HeadSize / 2]);
    }

    /// <summary>The first key that position t of sequence b sees, where a document opens at every <c>document</c>th token of the stream.</summary>
    internal static int DocumentStart(long position, int time, int document)
    {
        if (document == 0)
        {
            return 0;
        }

        long opened = position / document * document;
        return (int)Math.Max(0, opened - (position / time * time));
    }

    internal static long VisiblePairs(OperationCase test)
    {
        (int time, long pairs) = (test["time"], 0);
        for (long position = 0; position < (long)test["batch"] * time; position++)
        {
            pairs += (position % time) - DocumentStart(position, time, test["document"]) + 1;
        }

        return pairs;
    }

    private static Tensor[] DocumentStarts(RotatingTensors tensors, OperationCase test) =>
        tensors.Integers("documentStart", i => DocumentStart(i, test["time"], test["document"]), test["batch"], test["time"]);
}
