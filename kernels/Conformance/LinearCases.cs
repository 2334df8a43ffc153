using System;
using System.Collections.Generic;
using GptEngine.Runtime.Memory;

namespace GptEngine.Kernels.Conformance;

/// <summary>Linear layers.</summary>
public static class LinearCases
{
    public static IEnumerable<OperationCase> Forward(CaseSizes sizes)
    {
        ArgumentNullException.ThrowIfNull(sizes);
        foreach ((int rows, int inputs, int outputs) in sizes.Linears)
        {
            foreach (Common.Activation activation in Enum.GetValues<Common.Activation>())
            {
                yield return Forward(rows, inputs, outputs, activation, bias: false);
                yield return Forward(rows, inputs, outputs, activation, bias: true);
            }
        }
    }

    public static IEnumerable<OperationCase> BackwardInput(CaseSizes sizes)
    {
        ArgumentNullException.ThrowIfNull(sizes);
        foreach ((int rows, int inputs, int outputs) in sizes.Linears)
        {
            foreach (Common.Activation activation in Enum.GetValues<Common.Activation>())
            {
                yield return BackwardInput(rows, inputs, outputs, activation, inPlace: false);
                if (activation != Common.Activation.Identity)
                {
                    yield return BackwardInput(rows, inputs, outputs, activation, inPlace: true);
                }
            }
        }
    }

    public static IEnumerable<OperationCase> BackwardWeight(CaseSizes sizes)
    {
        ArgumentNullException.ThrowIfNull(sizes);
        foreach ((int rows, int inputs, int outputs) in sizes.Linears)
        {
            foreach (bool bias in new[] { false, true })
            {
                yield return BackwardWeight(rows, inputs, outputs, bias, accumulate: false);
                yield return BackwardWeight(rows, inputs, outputs, bias, accumulate: true);
            }
        }
    }

    private static ComparedCase Forward(int rows, int inputs, int outputs, Common.Activation activation, bool bias) => Case(
        "LinearForward", $"{Describe(rows, inputs, outputs)} {activation}{(bias ? " biased" : "")}", bench =>
        {
            bench.Workspace(o => o.LinearWorkspaceBytes(rows, inputs, outputs));
            bench.Operations.LinearForward(
                bench.Read("x", TensorKind.Storage, rows, inputs),
                // Pre-activations of variance 1: far out in an activation's tail nothing but its rounding would be compared.
                bench.Read("weight", TensorKind.Storage, bench.Normal(outputs * inputs, 1 / Math.Sqrt(inputs)), outputs, inputs),
                bias ? bench.Read("bias", TensorKind.Storage, outputs) : null,
                bench.Write("y", TensorKind.Storage, rows, outputs),
                activation,
                bias ? bench.Write("preActivation", TensorKind.Storage, rows, outputs) : null);
        });

    private static ComparedCase BackwardInput(int rows, int inputs, int outputs, Common.Activation activation, bool inPlace) => Case(
        "LinearBackwardInput", $"{Describe(rows, inputs, outputs)} {activation}{(inPlace ? " in place" : "")}", bench =>
        {
            Tensor gradY = bench.Read("gradY", TensorKind.Storage, rows, outputs);
            Tensor weight = bench.Read("weight", TensorKind.Storage, outputs, inputs);
            Tensor gradX = inPlace
                ? bench.Update("gradX", TensorKind.Storage, rows, inputs)
                : bench.Write("gradX", TensorKind.Storage, rows, inputs);
            Tensor? preActivation = activation == Common.Activation.Identity ? null
                : inPlace ? gradX : bench.Read("preActivation", TensorKind.Storage, rows, inputs);
            bench.Workspace(o => o.LinearWorkspaceBytes(rows, inputs, outputs));
            bench.Operations.LinearBackwardInput(gradY, weight, gradX, activation, preActivation);
        });

    private static ComparedCase BackwardWeight(int rows, int inputs, int outputs, bool bias, bool accumulate) => Case(
        "LinearBackwardWeight", $"{Describe(rows, inputs, outputs)}{(bias ? " biased" : "")}{(accumulate ? " accumulated" : "")}", bench =>
        {
            bench.Workspace(o => o.LinearWorkspaceBytes(rows, inputs, outputs));
            bench.Operations.LinearBackwardWeight(
                bench.Read("gradY", TensorKind.Storage, rows, outputs),
                bench.Read("x", TensorKind.Storage, rows, inputs),
                bench.Gradient("gradWeight", accumulate, outputs, inputs),
                bias ? bench.Gradient("gradBias", accumulate, outputs) : null,
                accumulate);
        });

    private static string Describe(int rows, int inputs, int outputs) => $"N={rows} in={inputs} out={outputs}";

    private static ComparedCase Case(string operation, string shape, Action<OperationBench> act) => new(operation, shape, act) { HasProducts = true };
}
