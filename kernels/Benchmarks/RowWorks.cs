using GptEngine.Kernels.Activation;
using GptEngine.Kernels.Common;
using GptEngine.Kernels.Common.Cuda;
using GptEngine.Kernels.Embedding;
using GptEngine.Kernels.LayerNorm;
using GptEngine.Runtime.Memory;

namespace GptEngine.Kernels.Benchmarks;

/// <summary>Operations that go through rows once: norms, embeddings, activations.</summary>
internal static class RowWorks
{
    /// <summary>As in the middle of a block: what the sub-layer before adds is added here.</summary>
    public static OperationWork LayerNormForward(RotatingTensors tensors, OperationCase test)
    {
        (long n, long c) = (test["rows"], test["channels"]);
        (Tensor[] x, Tensor[] delta) = (tensors.Normal("x", test.Type, [n, c]), tensors.Normal("delta", test.Type, [n, c]));
        (Tensor[] weight, Tensor[] bias) = (tensors.Normal("weight", test.Type, [c]), tensors.Normal("bias", test.Type, [c]));
        (Tensor[] sum, Tensor[] y) = (tensors.Unwritten("sum", test.Type, n, c), tensors.Unwritten("y", test.Type, n, c));
        (Tensor[] mean, Tensor[] rstd) = (tensors.Unwritten("mean", DataType.Float32, n), tensors.Unwritten("rstd", DataType.Float32, n));
        return new(LayerNormLauncher.ForwardCost(test.Type, n, c, hasDelta: true), i => tensors.Operations.LayerNormForward(
            x[i], delta[i], sum[i], weight[i], bias[i], y[i], mean[i], rstd[i], 1e-5f, Common.Dropout.None));
    }

    public static OperationWork LayerNormBackward(RotatingTensors tensors, OperationCase test)
    {
        (long n, long c) = (test["rows"], test["channels"]);
        (Tensor[] gradY, Tensor[] sum) = (tensors.Normal("gradY", test.Type, [n, c]), tensors.Normal("sum", test.Type, [n, c]));
        (Tensor[] weight, Tensor[] gradSum) = (tensors.Normal("weight", test.Type, [c]), tensors.Normal("gradSum", test.Type, [n, c]));
        (Tensor[] mean, Tensor[] rstd) = (tensors.Normal("mean", DataType.Float32, [n]), tensors.Normal("rstd", DataType.Float32, [n], positive: true));
        (Tensor[] gradWeight, Tensor[] gradBias) = (tensors.Unwritten("gradWeight", DataType.Float32, c), tensors.Unwritten("gradBias", DataType.Float32, c));
        tensors.NeedsWorkspace(tensors.Operations.LayerNormBackwardWorkspaceBytes(n, c));
        return new(LayerNormLauncher.BackwardCost(test.Type, n, c, accumulateGradSum: true, hasDropout: false), i => tensors.Operations.LayerNormBackward(
            gradY[i], sum[i], weight[i], mean[i], rstd[i], gradSum[i], gradWeight[i], gradBias[i], null, accumulateGradSum: true, Common.Dropout.None,
            accumulate: false));
    }

    public static OperationWork EmbeddingForward(RotatingTensors tensors, OperationCase test)
    {
        (long b, long t, long c, int v) = (test["batch"], test["time"], test["channels"], test["vocabulary"]);
        Tensor[] tokens = tensors.Integers("tokens", i => Token(i, v), b, t);
        (Tensor[] table, Tensor[] positions) = (tensors.Normal("tokenEmbedding", test.Type, [Padded(v), c]), tensors.Normal("positionEmbedding", test.Type, [t, c]));
        Tensor[] output = tensors.Unwritten("output", test.Type, b * t, c);
        return new(EmbeddingLauncher.ForwardCost(test.Type, b * t, t, c, hasPositions: true), i => tensors.Operations.EmbeddingForward(
            tokens[i], table[i], positions[i], output[i], 0, Common.Dropout.None));
    }

    public static OperationWork EmbeddingBackward(RotatingTensors tensors, OperationCase test)
    {
        (long b, long t, long c, int v) = (test["batch"], test["time"], test["channels"], test["vocabulary"]);
        Tensor[] tokens = tensors.Integers("tokens", i => Token(i, v), b, t);
        (Tensor[] gradOutput, Tensor[] gradTable) = (tensors.Normal("gradOutput", test.Type, [b * t, c]), tensors.Unwritten("gradTokenEmbedding", DataType.Float32, Padded(v), c));
        tensors.NeedsWorkspace(tensors.Operations.EmbeddingBackwardWorkspaceBytes(b * t, c, Padded(v)));
        return new(EmbeddingLauncher.BackwardCost(test.Type, b * t, DistinctTokens(b * t, v), c), i => tensors.Operations.EmbeddingBackward(
            tokens[i], gradOutput[i], gradTable[i], null, Common.Dropout.None, accumulate: true));
    }

    /// <summary>GELU by tanh, alone: the CPU has it in its matrix products only.</summary>
    public static OperationWork GeluForward(RotatingTensors tensors, OperationCase test)
    {
        (Tensor[] z, Tensor[] y) = (tensors.Normal("z", test.Type, [test["count"]]), tensors.Unwritten("y", test.Type, test["count"]));
        var launcher = new ActivationLauncher(((CudaOperations)tensors.Operations).Queue, test.Type, Common.Activation.GeluTanh);
        return new(ActivationLauncher.ForwardCost(test.Type, test["count"]), i => launcher.Forward(z[i], y[i]));
    }

    public static OperationWork GeluBackward(RotatingTensors tensors, OperationCase test)
    {
        (Tensor[] gradY, Tensor[] z) = (tensors.Normal("gradY", test.Type, [test["count"]]), tensors.Normal("z", test.Type, [test["count"]]));
        Tensor[] gradZ = tensors.Unwritten("gradZ", test.Type, test["count"]);
        var launcher = new ActivationLauncher(((CudaOperations)tensors.Operations).Queue, test.Type, Common.Activation.GeluTanh);
        return new(ActivationLauncher.BackwardCost(test.Type, test["count"]), i => launcher.Backward(gradY[i], z[i], gradZ[i]));
    }

    /// <summary>P: a whole number of 128.</summary>
    internal static long Padded(int vocabulary) => DeviceTypes.CeilingDivide(vocabulary, 128) * 128;

    /// <summary>
    /// Token i: low ids more often than high ones, as in text. ⌊V·u³⌋ with u the fraction of i·φ, so that PyTorch's side draws the same.
    /// </summary>
    internal static int Token(long index, int vocabulary)
    {
        const double Golden = 0.618033988749895;
        double place = index * Golden;
        double u = place - System.Math.Floor(place);
        return (int)(vocabulary * (u * u * u));
    }

    private static long DistinctTokens(long rows, int vocabulary)
    {
        var seen = new System.Collections.Generic.HashSet<int>();
        for (long i = 0; i < rows; i++)
        {
            seen.Add(Token(i, vocabulary));
        }

        return seen.Count;
    }
}
