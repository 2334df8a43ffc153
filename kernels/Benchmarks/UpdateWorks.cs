using GptEngine.Kernels.AdamW;
using GptEngine.Kernels.Common;
using GptEngine.Kernels.GradientNorm;
using GptEngine.Runtime.Memory;

namespace GptEngine.Kernels.Benchmarks;

/// <summary>What follows the backward pass, over all parameters of a model at once.</summary>
internal static class UpdateWorks
{
    private static readonly AdamWOptions Options = new(0.9f, 0.95f, 1e-8f, 0.1f, 1);

    public static OperationWork GradientNorm(RotatingTensors tensors, OperationCase test)
    {
        long count = test["count"];
        Tensor[] gradients = tensors.Normal("gradients", DataType.Float32, [count]);
        Tensor scalars = tensors.Scalars();
        tensors.NeedsWorkspace(tensors.Operations.GradientNormWorkspaceBytes(count));
        return new(GradientNormLauncher.Cost(count), i => tensors.Operations.GradientNorm(gradients[i], scalars, Options));
    }

    /// <summary>With the low-precision copy that the next forward pass reads, where the type is one.</summary>
    public static OperationWork AdamW(RotatingTensors tensors, OperationCase test)
    {
        long count = test["count"];
        (Tensor[] parameters, Tensor[] gradients) = (tensors.Normal("parameters", DataType.Float32, [count]), tensors.Normal("gradients", DataType.Float32, [count]));
        (Tensor[] first, Tensor[] second) = (tensors.Unwritten("firstMoment", DataType.Float32, count), tensors.Unwritten("secondMoment", DataType.Float32, count));
        Tensor[]? copy = test.Type == DataType.Float32 ? null : tensors.Unwritten("computeCopy", test.Type, count);
        Tensor scalars = tensors.Scalars();
        return new(AdamWLauncher.Cost(test.Type, count), i => tensors.Operations.AdamW(
            parameters[i], gradients[i], first[i], second[i], copy?[i], count, scalars, Options));
    }
}
