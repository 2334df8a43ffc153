using System;
using System.Collections.Generic;
using System.Linq;
using GptEngine.Engine.Configuration;
using GptEngine.Kernels.Attention;
using GptEngine.Kernels.Common.Cuda;
using GptEngine.Kernels.Conformance;
using GptEngine.Runtime;
using GptEngine.Runtime.Cuda;

namespace GptEngine.Engine.SelfTesting;

/// <summary>Every operation of the device against the references, and where several kernels could run one, every one of them.</summary>
internal static class OperationPart
{
    public const string Name = "operations";

    /// <summary>Runs the cases one by one, as they are asked for.</summary>
    public static IEnumerable<SelfTestRow> Run(SelfTestMachine machine, SelfTestPlan plan, Precision precision)
    {
        // In tf32 only what multiplies matrices is something else than in fp32.
        OperationCase[] cases = [.. OperationCases.All(plan.Sizes)
            .Where(it => it.HasProducts || precision != Precision.Tf32)
            .Where(it => Wants(plan, precision, it))];
        if (cases.Length == 0 && !WantsVariants(machine, plan, precision))
        {
            yield break;
        }

        // The last that serves, by the rule; then those that it kept from running, whichever of them a run will find to be the fastest.
        AttentionVariant last = AttentionVariants.All[^1];
        using var opened = new OpenedOperations(machine.OpenForced?.Invoke(precision, last) ?? machine.Open(precision, true));
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

        foreach (AttentionVariant variant in opened.Operations is CudaOperations && machine.OpenForced is not null ? AttentionVariants.All[..^1] : [])
        {
            var gpu = (CudaOperations)opened.Operations;
            OperationCase[] more = [.. AttentionCases.ByKernels(plan.Sizes, AttentionVariants.WordOf(variant), (direction, shape) =>
                gpu.AttentionVariantOf(variant, direction, shape) == variant && gpu.AttentionVariantOf(last, direction, shape) != variant)
                .Where(it => Wants(plan, precision, it))];
            if (more.Length == 0)
            {
                continue;
            }

            using var forced = new OpenedOperations(machine.OpenForced!(precision, variant));
            using var beside = new OperationComparison(forced.Operations);
            foreach (OperationCase it in more)
            {
                (SelfTestRow row, bool isLost) = Run(beside, precision, it, SeedOf(plan.Seed, it));
                yield return row;
                if (isLost)
                {
                    yield break;
                }
            }
        }
    }

    private static bool Wants(SelfTestPlan plan, Precision precision, OperationCase it) => plan.Wants(Row(precision, it, "", 0, 0, passes: true).Title);

    private static bool WantsVariants(SelfTestMachine machine, SelfTestPlan plan, Precision precision) => machine.OpenForced is not null
        && AttentionVariants.All.Any(variant => AttentionCases.ByKernels(plan.Sizes, AttentionVariants.WordOf(variant), (_, _) => true).Any(it => Wants(plan, precision, it)));

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
