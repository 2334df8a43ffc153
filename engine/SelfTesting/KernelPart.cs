using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using GptEngine.Engine.Configuration;
using GptEngine.Kernels.Common;
using GptEngine.Kernels.Common.Cuda;
using GptEngine.Kernels.Samples;
using GptEngine.Runtime.Compile;
using GptEngine.Runtime.Cuda;

namespace GptEngine.Engine.SelfTesting;

/// <summary>Every kernel of the catalogue, launched: that it loads, fits the GPU and comes to its end. Results are the operations' part.</summary>
internal static class KernelPart
{
    public const string Name = "kernels";

    public static IEnumerable<SelfTestRow> Run(SelfTestMachine machine, SelfTestPlan plan)
    {
        KernelSample[] samples = [.. KernelSamples.All.Where(sample => plan.Wants(Row(sample, "", passes: true).Title)).OrderBy(sample => sample.Storage)];
        if (samples.Length == 0)
        {
            yield break;
        }

        using var opened = new OpenedOperations(machine.Open(Precision.Fp32, true));
        if (opened.Operations is not CudaOperations operations)
        {
            yield break;
        }

        if (samples.Length == KernelSamples.All.Length)
        {
            operations.Queue.CompileAhead(KernelCatalogue.All);
        }

        foreach (KernelSample sample in samples)
        {
            string? failure = Launch(sample, operations);
            yield return Row(sample, failure ?? "", failure is null);
            if (failure is not null)
            {
                yield break;
            }
        }

        if (samples.Length == KernelSamples.All.Length)
        {
            yield return Coverage(operations.Queue);
        }
    }

    private static string? Launch(KernelSample sample, CudaOperations operations)
    {
        try
        {
            using var bench = new SampleBench(operations.Queue);
            sample.Launch(bench);
            operations.Device.Synchronize();
            return null;
        }
        catch (Exception failure) when (failure is GpuException or CompileException or NotSupportedException)
        {
            return $"{failure.Message} The rest was not launched.";
        }
    }

    /// <summary>
    /// Whether each kernel that is for this architecture has been launched. A launcher may choose another instance of a kernel here than
    /// elsewhere, by what shared memory there is; that none of its instances ran is a fault.
    /// </summary>
    private static SelfTestRow Coverage(KernelQueue queue)
    {
        HashSet<string> launched = [.. queue.Launched.Select(kernel => kernel.NameExpression)];
        HashSet<string> functions = [.. launched.Select(FunctionOf)];
        string[] here = [.. KernelCatalogue.All.Where(queue.IsFor).Select(kernel => kernel.NameExpression)];
        string[] left = [.. here.Where(name => !launched.Contains(name))];
        string[] missed = [.. left.Where(name => !functions.Contains(FunctionOf(name)))];
        string count = string.Create(CultureInfo.InvariantCulture, $"{here.Length - left.Length} of {here.Length}");
        string note = missed.Length > 0 ? $"{count} launched; no instance of {string.Join(", ", missed.Select(FunctionOf).Distinct())}"
            : left.Length > 0 ? $"{count} launched; the launchers choose others here than {string.Join(", ", left)}"
            : $"{count} launched";
        return new SelfTestRow(Name, Precision.Fp32, SelfTestRow.Catalogue, "", missed.Length == 0, null, null, note);
    }

    private static string FunctionOf(string nameExpression) => nameExpression.Split('<')[0];

    private static SelfTestRow Row(KernelSample sample, string note, bool passes) => new(
        Name,
        sample.Storage switch
        {
            Runtime.Memory.DataType.Float16 => Precision.Fp16,
            Runtime.Memory.DataType.BFloat16 => Precision.Bf16,
            _ => Precision.Fp32,
        },
        sample.Operation, sample.Shape, passes, null, null, note);
}
