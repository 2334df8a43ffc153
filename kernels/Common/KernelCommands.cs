using System;
using System.Collections.Generic;
using System.Collections.Immutable;
using System.Globalization;
using System.IO;
using System.Linq;
using GptEngine.Runtime;
using GptEngine.Runtime.Compile;

namespace GptEngine.Kernels.Common;

/// <summary>What <c>gpt kernels list</c>, <c>compile</c> and <c>show</c> do; one plain line an item.</summary>
public static class KernelCommands
{
    /// <summary>A line a kernel of the catalogue: name, threads, source.</summary>
    public static void List(TextWriter output)
    {
        int width = KernelCatalogue.All.Max(kernel => kernel.NameExpression.Length);
        foreach (KernelInstance kernel in KernelCatalogue.All)
        {
            output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{kernel.NameExpression.PadRight(width)}  {kernel.Threads,4}  {kernel.Source}"));
        }
    }

    /// <summary>Compiles the whole catalogue to machine code and prints what each kernel takes, a line a kernel and architecture.</summary>
    /// <param name="output">Where to print.</param>
    /// <param name="architectures">Comma-separated: <c>sm_70,sm_80,sm_90</c>.</param>
    /// <param name="cache">Compiles, or finds what was compiled before.</param>
    /// <returns><see cref="ExitCode.Failed"/> where a kernel spills or does not fit.</returns>
    /// <exception cref="UserErrorException">An architecture is not one that kernels are made for, or the compiler does not know it.</exception>
    public static ExitCode Compile(TextWriter output, string architectures, CompileCache cache)
    {
        ComputeCapability[] targets = [.. architectures.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)
            .Select(architecture => ArchitectureLimits.Of(ComputeCapability.Parse(architecture)).Capability)];
        if (targets.Length == 0)
        {
            throw new UserErrorException("No architecture was named. Name some as in --arch sm_70,sm_80,sm_90.", ExitCode.Usage);
        }

        ImmutableArray<KernelReportRow> rows = KernelReport.Compile(cache, KernelCatalogue.All, targets);
        int width = rows.Max(row => row.Kernel.NameExpression.Length);
        output.WriteLine($"{"kernel".PadRight(width)}  arch    registers  shared  stack  spilled  threads  blocks/SM  occupancy");
        foreach (KernelReportRow row in rows)
        {
            int shared = row.Resources.StaticSharedBytes + row.Kernel.DynamicSharedBytes;
            int spilled = row.Resources.SpillStoreBytes + row.Resources.SpillLoadBytes;
            output.WriteLine(string.Create(
                CultureInfo.InvariantCulture,
                $"{row.Kernel.NameExpression.PadRight(width)}  {row.Kernel.TargetName(row.Target),-6}  {row.Resources.Registers,9}  {shared,6}  {row.Resources.StackBytes,5}  {spilled,7}  {row.Kernel.Threads,7}  {row.ResidentBlocks,9}  {100 * row.Occupancy,8:F0}%"));
        }

        return rows.Any(row => row.Resources.SpillStoreBytes > 0 || row.ResidentBlocks == 0) ? ExitCode.Failed : ExitCode.Success;
    }

    /// <summary>Prints the PTX of a kernel's source with that kernel alone in it, or the kernel's SASS.</summary>
    /// <param name="output">Where to print.</param>
    /// <param name="name">An instance as <c>list</c> prints it, or the start of exactly one.</param>
    /// <param name="target">The architecture.</param>
    /// <param name="format">PTX, or machine code as SASS.</param>
    /// <param name="cache">Compiles, or finds what was compiled before.</param>
    /// <exception cref="UserErrorException">No kernel or several are called so; it is not for the architecture; or there is no disassembler.</exception>
    public static void Show(TextWriter output, string name, ComputeCapability target, ImageFormat format, CompileCache cache)
    {
        KernelInstance kernel = Find(name);
        if (!kernel.IsFor(target.Number))
        {
            throw new UserErrorException($"{kernel} is not for {target}. Name another architecture, as in --arch sm_{kernel.FirstArchitecture}.", ExitCode.Usage);
        }

        CompiledImage image = cache.GetOrCompile(KernelSources.Request(target, format, kernel)).Image;
        output.WriteLine(format == ImageFormat.Ptx ? image.Ptx : Disassembler.Disassemble(image));
    }

    /// <summary>The kernel of the catalogue that goes by a name; blanks do not matter.</summary>
    /// <exception cref="UserErrorException">None or several do.</exception>
    public static KernelInstance Find(string name)
    {
        string wanted = WithoutBlanks(name);
        KernelInstance[] found = [.. KernelCatalogue.All.Where(kernel => WithoutBlanks(kernel.NameExpression).StartsWith(wanted, StringComparison.Ordinal))];
        KernelInstance? exact = found.FirstOrDefault(kernel => WithoutBlanks(kernel.NameExpression) == wanted);
        if (exact is not null || found.Length == 1)
        {
            return exact ?? found[0];
        }

        IEnumerable<string> offered = found.Length > 0
            ? found.Take(4).Select(kernel => $"'{kernel}'")
            : KernelCatalogue.All.Select(kernel => kernel.NameExpression.Split('<')[0]).Distinct();
        throw new UserErrorException(
            $"{(found.Length > 0 ? $"{found.Length} kernels start" : "No kernel starts")} with '{name}'. Name one of {string.Join(", ", offered)}; `gpt kernels list` has all.",
            ExitCode.Usage);
    }

    private static string WithoutBlanks(string text) => text.Replace(" ", "", StringComparison.Ordinal);
}
