using System.Collections.Generic;

namespace GptEngine.Kernels.Conformance;

/// <summary>One operation at one shape, with what every implementation of it owes.</summary>
/// <param name="operation">As <see cref="Common.IOperations"/> calls it.</param>
/// <param name="shape">Sizes and options, for people: <c>N=33 C=97 dropout 0.1</c>.</param>
public abstract class OperationCase(string operation, string shape)
{
    public string Operation => operation;

    public string Shape => shape;

    /// <summary>Whether it multiplies matrices, and so computes something else in tf32 than in fp32.</summary>
    public bool HasProducts { get; init; }

    /// <summary>Runs it and judges every tensor that it wrote.</summary>
    /// <param name="comparison">The device under test, and the references.</param>
    /// <param name="seed">Of the inputs.</param>
    /// <exception cref="ConformanceException">Something was written beside the outputs.</exception>
    public abstract IReadOnlyList<TensorVerdict> Run(OperationComparison comparison, int seed);

    public override string ToString() => $"{operation} {shape}";
}
