using System;
using System.Collections.Generic;
using System.Linq;
using GptEngine.Engine.Configuration;
using GptEngine.Kernels.Conformance;
using GptEngine.Runtime;
using GptEngine.Runtime.Cuda;

namespace GptEngine.Engine.SelfTesting;

/// <summary>Every operation of the device against the references.</summary>
internal static class OperationPart
{
    public const string Name = "operations";

    /// <summary>Runs the cases one by one, as they are asked for.</summary>
    public static IEnumerable<SelfTestRow> Run(SelfTestMachine machine, SelfTestPlan plan, Precision precision)
    {
        // In tf32 only what multiplies matrices is something else than in fp32.
        OperationCase[] cases = [.. OperationCases.All(plan.Sizes)
            .Where(it => it.HasProducts || precision != Precision.Tf32)
            .Where(it => plan.Wants(Row(precision, it, "", 0, 0, passes: true).Title))];
        if (cases.Length == 0)
        {
            yield break;
        }

        using var opened = new OpenedOperations(machine.Open(precision, true));
        using var comparison = new OperationComparison(opened.Operations, roundsToTf32: precision == Precision.Tf32);
        foreach (OperationCase it in cases)
        {
            (SelfTestRow row, bool isLost) = Run(comparison, precision, it, SeedOf(plan.Seed, it));
            yield return row;
            if (isLost)
            {
                yield break;
            }
        }
    }

    private static (SelfTestRow Row, bool IsLost) Run(OperationComparison comparison, Precision precision, OperationCase it, int seed)
    {
        try
        {
            TensorVerdict worst = it.Run(comparison, seed).MaxBy(verdict => verdict.Passes ? verdict.Error / Math.Max(verdict.Bound, double.Epsilon) : double.PositiveInfinity);
            string note = worst.IsRepeatable ? worst.Tensor : $"{worst.Tensor}: other bits when run again";
            return (Row(precision, it, note, worst.Error, worst.Bound, worst.Passes), false);
        }
        catch (Exception failure) when (failure is ConformanceException or UserErrorException or NotSupportedException)
        {
            return (Row(precision, it, failure.Message, null, null, passes: false), false);
        }
        catch (GpuException failure)
        {
            // After a fault of the GPU every later call reports it again.
            return (Row(precision, it, $"{failure.Message} The rest was not run.", null, null, passes: false), true);
        }
    }

    private static SelfTestRow Row(Precision precision, OperationCase it, string note, double? error, double? bound, bool passes) =>
        new(Name, precision, it.Operation, it.Shape, passes, error, bound, note);

    /// <summary>FNV-1a of the case's name: the same inputs for the same seed on every machine, others for every case.</summary>
    private static int SeedOf(int seed, OperationCase it)
    {
        uint hash = 2166136261;
        foreach (char c in it.ToString())
        {
            hash = (hash ^ c) * 16777619;
        }

        return (int)((hash + ((uint)seed * 2654435761)) & int.MaxValue);
    }
}
