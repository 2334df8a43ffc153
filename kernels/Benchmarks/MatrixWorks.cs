using GptEngine.Kernels.Common;
using GptEngine.Kernels.Common.Cuda;
using GptEngine.Kernels.CrossEntropy;
using GptEngine.Runtime.Cuda;
using GptEngine.Runtime.Memory;

namespace GptEngine.Kernels.Benchmarks;

/// <summary>Linear layers, the head with its loss, and the loss alone.</summary>
internal static class MatrixWorks
{
    public static OperationWork Forward(RotatingTensors tensors, OperationCase test) => Forward(tensors, test, Common.Activation.Identity);

    /// <summary>The MLP's first half: both the sum and its GELU are written, as training needs.</summary>
    public static OperationWork GeluForward(RotatingTensors tensors, OperationCase test) => Forward(tensors, test, Common.Activation.GeluTanh);

    public static OperationWork BackwardInput(RotatingTensors tensors, OperationCase test)
    {
        (long n, long inputs, long outputs) = Sizes(tensors, test);
        (Tensor[] gradY, Tensor[] weight) = (tensors.Normal("gradY", test.Type, [n, outputs]), tensors.Normal("weight", test.Type, [outputs, inputs]));
        Tensor[] gradX = tensors.Unwritten("gradX", test.Type, n, inputs);
        return new(CostOf(new(n, inputs, outputs, false, false, test.Type, test.Type)), i => tensors.Operations.LinearBackwardInput(
            gradY[i], weight[i], gradX[i], Common.Activation.Identity, null));
    }

    /// <summary>The bias's gradient among it, as in training.</summary>
    public static OperationWork BackwardWeight(RotatingTensors tensors, OperationCase test)
    {
        (long n, long inputs, long outputs) = Sizes(tensors, test);
        (Tensor[] gradY, Tensor[] x) = (tensors.Normal("gradY", test.Type, [n, outputs]), tensors.Normal("x", test.Type, [n, inputs]));
        (Tensor[] gradWeight, Tensor[] gradBias) = (tensors.Unwritten("gradWeight", DataType.Float32, outputs, inputs), tensors.Unwritten("gradBias", DataType.Float32, outputs));
        KernelCost cost = CostOf(new(outputs, inputs, n, true, false, test.Type, DataType.Float32)) + new KernelCost(4 * outputs, n * outputs);
        return new(cost, i => tensors.Operations.LinearBackwardWeight(gradY[i], x[i], gradWeight[i], gradBias[i], accumulate: false));
    }

    /// <summary>Loss and gradients of logits, in place; the CPU has it in its head only.</summary>
    public static OperationWork CrossEntropy(RotatingTensors tensors, OperationCase test)
    {
        (long n, int v) = (test["rows"], test["vocabulary"]);
        long padded = RowWorks.Padded(v);
        Tensor[] logits = tensors.Normal("logits", test.Type, [n, padded]);
        Tensor[] targets = tensors.Integers("targets", i => RowWorks.Token(i, v), n);
        Tensor[] losses = tensors.Unwritten("losses", DataType.Float32, n);
        Tensor scalars = tensors.Scalars();
        var launcher = new CrossEntropyLauncher(((CudaOperations)tensors.Operations).Queue, test.Type, (int)padded);
        return new(CrossEntropyLauncher.Cost(test.Type, n, padded, gradient: true), i => launcher.Launch(
            logits[i], targets[i], losses[i], v, 1.0f / n, scalars, gradient: true));
    }

    /// <summary>Logits, loss, and the gradients of input, weight and bias: three products.</summary>
    public static OperationWork Head(RotatingTensors tensors, OperationCase test)
    {
        (long n, long c, int v) = (test["rows"], test["channels"], test["vocabulary"]);
        long padded = RowWorks.Padded(v);
        (Tensor[] x, Tensor[] weight) = (tensors.Normal("x", test.Type, [n, c]), tensors.Normal("weight", test.Type, [padded, c]));
        (Tensor[] bias, Tensor[] losses) = (tensors.Normal("bias", test.Type, [padded]), tensors.Unwritten("losses", DataType.Float32, n));
        Tensor[] targets = tensors.Integers("targets", i => RowWorks.Token(i, v), 1, n);
        (Tensor[] gradX, Tensor[] gradWeight) = (tensors.Unwritten("gradX", test.Type, n, c), tensors.Unwritten("gradWeight", DataType.Float32, padded, c));
        Tensor[] gradBias = tensors.Unwritten("gradBias", DataType.Float32, padded);
        Tensor scalars = tensors.Scalars();
        tensors.NeedsWorkspace(tensors.Operations.CrossEntropyHeadWorkspaceBytes(n, c, padded));
        long size = test.Type.SizeInBytes();
        var cost = new KernelCost((2 * n * c * size) + (padded * c * (size + sizeof(float))), 6 * n * c * v);
        return new(cost, i => tensors.Operations.CrossEntropyHead(
            x[i], weight[i], bias[i], targets[i], losses[i], gradX[i], gradWeight[i], gradBias[i], v, 1.0f / n, scalars, accumulate: false));
    }

    private static OperationWork Forward(RotatingTensors tensors, OperationCase test, Common.Activation activation)
    {
        (long n, long inputs, long outputs) = Sizes(tensors, test);
        (Tensor[] x, Tensor[] weight) = (tensors.Normal("x", test.Type, [n, inputs]), tensors.Normal("weight", test.Type, [outputs, inputs]));
        (Tensor[] bias, Tensor[] y) = (tensors.Normal("bias", test.Type, [outputs]), tensors.Unwritten("y", test.Type, n, outputs));
        Tensor[]? sum = activation == Common.Activation.Identity ? null : tensors.Unwritten("preActivation", test.Type, n, outputs);
        KernelCost cost = CostOf(new(n, outputs, inputs, false, true, test.Type, test.Type));
        return new(sum is null ? cost : cost + new KernelCost(n * outputs * test.Type.SizeInBytes(), 0), i => tensors.Operations.LinearForward(
            x[i], weight[i], bias[i], y[i], activation, sum?[i]));
    }

    private static (long Rows, long Inputs, long Outputs) Sizes(RotatingTensors tensors, OperationCase test)
    {
        (long n, long inputs, long outputs) = (test["rows"], test["inputs"], test["outputs"]);
        tensors.NeedsWorkspace(tensors.Operations.LinearWorkspaceBytes(n, inputs, outputs));
        return (n, inputs, outputs);
    }

    private static KernelCost CostOf(MatrixProduct product) => new(product.Bytes, product.Flops);
}
