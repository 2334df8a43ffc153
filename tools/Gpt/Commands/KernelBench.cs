using System;
using System.Collections.Generic;
using System.CommandLine;
using System.Linq;
using GptEngine.Engine.Benchmarking;
using GptEngine.Engine.Configuration;
using GptEngine.Gpt.CommandLine;
using GptEngine.Gpt.Terminal;
using GptEngine.Kernels.Benchmarks;
using GptEngine.Kernels.Common.Cuda;
using GptEngine.Runtime;
using GptEngine.Runtime.Compile;
using GptEngine.Runtime.Cuda;
using GptEngine.Runtime.Devices;

namespace GptEngine.Gpt.Commands;

/// <summary><c>gpt bench --kernels</c>: each operation over the shapes and types of the case list, against its floor on this device.</summary>
internal sealed class KernelBench(DeviceOptions devices, WorkloadOptions workload, BenchOptions options, KernelBenchOptions kernels)
{
    public ExitCode Run(ParseResult call)
    {
        var list = OperationCaseList.Load();
        HashSet<string> chosen = Chosen(list, kernels.Names(call));
        double seconds = kernels.Seconds(call);
        using var output = new KernelBenchOutput(options.Json(call));
        using var interruption = new Interruption("Finishing the operation");
        foreach (Precision precision in Precisions(call))
        {
            using OpenDevice? opened = Open(call, precision, output);
            if (opened is null)
            {
                continue;
            }

            var context = new KernelBenchContext(opened.Operations);
            OperationCase[] cases =
            [
                .. list.Of(context.Scale, [opened.Operations.Storage])
                    .Where(test => chosen.Contains(test.Operation) && (context.HasProducts || !OperationBenchmark.Multiplies(test.Operation))),
            ];
            output.Begin(context, cases.Length, chosen.Except(cases.Select(test => test.Operation)));
            foreach (OperationCase test in cases)
            {
                interruption.Token.ThrowIfCancellationRequested();
                output.Announce(test);
                RunCase(context, test, seconds, output);
            }
        }

        output.Finish();
        return output.Count > 0 && output.Failures == 0 ? ExitCode.Success : ExitCode.Failed;
    }

    private static void RunCase(KernelBenchContext context, OperationCase test, double seconds, KernelBenchOutput output)
    {
        try
        {
            output.Add(context.Record(context.Measure(test, seconds)));
        }
        catch (Exception e) when (e is GpuException or CompileException or UserErrorException)
        {
            // One that cannot run here does not take the others with it.
            output.LeaveOut(test, e.Message, isFailure: !TrainingBenchmark.IsOutOfMemory(e));
        }
    }

    private static HashSet<string> Chosen(OperationCaseList list, string[] names)
    {
        string[] known = [.. list.Operations];
        foreach (string name in names.Where(name => !known.Any(operation => operation.Contains(name, StringComparison.Ordinal))))
        {
            throw new UserErrorException(
                $"--kernels {name}: did you mean '{NearestName.Of(name, known)}'? There are {string.Join(", ", known)}.", ExitCode.Usage);
        }

        return [.. known.Where(operation => names.Length == 0 || names.Any(name => operation.Contains(name, StringComparison.Ordinal)))];
    }

    private IEnumerable<Precision> Precisions(ParseResult call)
    {
        if (!workload.HasPrecisions(call))
        {
            // A run that is cut short has what training uses.
            return [Precision.Fp16, Precision.Bf16, Precision.Fp32];
        }

        Precision[] given = [.. workload.Precisions(call, Precision.Fp32)];
        return Array.TrueForAll(given, precision => precision != Precision.Tf32)
            ? given
            : throw new UserErrorException("--precision tf32: operations are measured in fp32, fp16 or bf16.", ExitCode.Usage);
    }

    /// <summary>The device in one type, or null where it lacks a type that was not asked for by name.</summary>
    private OpenDevice? Open(ParseResult call, Precision precision, KernelBenchOutput output)
    {
        if (precision == Precision.Bf16 && !workload.HasPrecisions(call) && output.Architecture is > 0 and < GpuOperations.AmpereArchitecture)
        {
            output.Say("bf16 is left out: this GPU has none.");
            return null;
        }

        OpenDevice opened = devices.Open(call, precision, keepsReports: true);
        if (opened.Operations.Device is CpuDevice && precision != Precision.Fp32)
        {
            opened.Dispose();
            return !workload.HasPrecisions(call)
                ? null
                : throw new UserErrorException($"--precision {EnumNames.Of(precision)}: the CPU computes in fp32 alone.", ExitCode.Usage);
        }

        return opened;
    }
}
