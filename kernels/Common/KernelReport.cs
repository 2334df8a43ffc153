using System;
using System.Collections.Generic;
using System.Collections.Immutable;
using System.Globalization;
using System.Linq;
using System.Runtime.ExceptionServices;
using System.Text;
using System.Threading.Tasks;
using GptEngine.Runtime;
using GptEngine.Runtime.Compile;

namespace GptEngine.Kernels.Common;

/// <summary>The static proof of the kernels: machine code for each architecture, and what it takes.</summary>
public static class KernelReport
{
    /// <summary>Compiles kernels to machine code and reads the compiler's account of them.</summary>
    /// <param name="cache">Compiles, or finds what was compiled before.</param>
    /// <param name="kernels">The kernels.</param>
    /// <param name="targets">The architectures; each must be in <see cref="ArchitectureLimits.All"/>.</param>
    /// <exception cref="UserErrorException">The compiler does not know one of them.</exception>
    public static ImmutableArray<KernelReportRow> Compile(
        CompileCache cache, IEnumerable<KernelInstance> kernels, IEnumerable<ComputeCapability> targets)
    {
        ArgumentNullException.ThrowIfNull(cache);
        (KernelInstance[] Kernels, ComputeCapability Target)[] units =
        [
            .. from source in kernels.GroupBy(kernel => (kernel.Source, kernel.IsArchitectureSpecific))
               where !source.Key.IsArchitectureSpecific || cache.Compiler.KnowsSpecificTargets
               from target in targets
               let fitting = source.Where(kernel => kernel.IsFor(target.Number)).ToArray()
               where fitting.Length > 0
               select (fitting, target),
        ];
        var rows = new KernelReportRow[units.Length][];
        try
        {
            Parallel.For(0, units.Length, new ParallelOptions { MaxDegreeOfParallelism = Environment.ProcessorCount }, i =>
            {
                (KernelInstance[] instances, ComputeCapability target) = units[i];
                rows[i] = [.. RowsOf(cache.GetOrCompile(KernelSources.Request(target, ImageFormat.Cubin, instances)).Image, instances)];
            });
        }
        catch (AggregateException failures)
        {
            // One source is wrong, or one target unknown: the first says it all.
            ExceptionDispatchInfo.Throw(failures.InnerExceptions[0]);
        }

        return [.. rows.SelectMany(unit => unit)];
    }

    /// <summary>A Markdown table: a line a kernel, a column an architecture, as registers · occupancy.</summary>
    public static string ToMarkdown(IReadOnlyCollection<KernelReportRow> rows)
    {
        ComputeCapability[] targets = [.. rows.Select(row => row.Target).Distinct().Order()];
        var text = new StringBuilder();
        text.Append("| kernel | threads | shared bytes | ").AppendJoin(" | ", targets).Append(" |\n|---|---|---|");
        text.Insert(text.Length, "---|", targets.Length).Append('\n');
        foreach (IGrouping<KernelInstance, KernelReportRow> kernel in rows.GroupBy(row => row.Kernel))
        {
            int shared = kernel.Key.DynamicSharedBytes + kernel.Max(row => row.Resources.StaticSharedBytes);
            text.Append(CultureInfo.InvariantCulture, $"| `{kernel.Key.NameExpression}` | {kernel.Key.Threads} | {shared} |");
            foreach (ComputeCapability target in targets)
            {
                KernelReportRow? cell = kernel.FirstOrDefault(row => row.Target == target);
                string spills = cell?.Resources.SpillStoreBytes > 0 ? $" · {cell.Resources.SpillStoreBytes} B spilled" : "";
                string specific = kernel.Key.IsArchitectureSpecific ? $" · {target.SpecificRealName}" : "";
                text.Append(cell is null ? " |" : string.Create(CultureInfo.InvariantCulture, $" {cell.Resources.Registers} · {cell.Occupancy:P0}{specific}{spills} |"));
            }

            text.Append('\n');
        }

        return text.Replace(" %", "%").ToString();
    }

    private static IEnumerable<KernelReportRow> RowsOf(CompiledImage image, IEnumerable<KernelInstance> kernels)
    {
        IReadOnlyDictionary<string, KernelResources> resources = image.Resources;
        ArchitectureLimits limits = ArchitectureLimits.Of(image.Target);
        foreach (KernelInstance kernel in kernels)
        {
            KernelResources used = resources[image.LoweredNames[kernel.NameExpression]];
            yield return new KernelReportRow(
                kernel,
                image.Target,
                used,
                limits.ResidentBlocks(used, kernel.Threads, kernel.DynamicSharedBytes),
                limits.Occupancy(used, kernel.Threads, kernel.DynamicSharedBytes));
        }
    }
}
