using System;
using System.Collections.Generic;
using System.Collections.Immutable;
using System.Globalization;
using System.IO;
using System.Linq;
using GptEngine.Runtime;
using GptEngine.Runtime.Compile;
using GptEngine.Runtime.Simulator.Driver;

namespace GptEngine.Kernels.Samples;

/// <summary>What <c>gpt kernels check</c> does: every sample on the simulated GPU with all checks on, and a verdict for each kernel.</summary>
public static class KernelChecks
{
    private const int MostFindings = 20;

    /// <summary>Runs the samples for each architecture and prints a line a kernel, then what was found.</summary>
    /// <param name="output">Where to print.</param>
    /// <param name="name">Only samples and kernels that have this in their name; empty for all.</param>
    /// <param name="targets">sm_70, sm_80 or sm_90.</param>
    /// <param name="cache">Compiles, or finds what was compiled before.</param>
    /// <param name="progress">Told each sample before it runs.</param>
    /// <returns><see cref="ExitCode.Failed"/> where anything was found.</returns>
    public static ExitCode Run(TextWriter output, string name, IReadOnlyList<ComputeCapability> targets, CompileCache cache, Action<string> progress) =>
        Run(output, Matching(name), targets, cache, progress);

    /// <summary>The same with samples at hand.</summary>
    public static ExitCode Run(
        TextWriter output, KernelSample[] samples, IReadOnlyList<ComputeCapability> targets, CompileCache cache, Action<string> progress)
    {
        ArgumentNullException.ThrowIfNull(output);
        ArgumentNullException.ThrowIfNull(targets);
        ArgumentNullException.ThrowIfNull(progress);
        var verdicts = new SortedDictionary<string, KernelVerdict[]>(StringComparer.Ordinal);
        var found = new List<string>();
        for (int target = 0; target < targets.Count; target++)
        {
            IEnumerable<KernelSample> announced = Announced(samples, targets[target], progress);
            foreach (SampleRun run in SampleRunner.Run(announced, SimulatedGpus.ByArchitecture(targets[target].Number), new SimulatorOptions(), cache))
            {
                Add(verdicts, run, target, targets.Count);
                found.AddRange(Describe(run, targets[target]));
            }
        }

        Print(output, verdicts, targets);
        ImmutableArray<string> findings = [.. found.Distinct()];
        foreach (string finding in findings.Take(MostFindings))
        {
            output.WriteLine(finding);
        }

        if (findings.Length > MostFindings)
        {
            output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"… and {findings.Length - MostFindings} more; name a kernel to see its own."));
        }

        output.WriteLine(Summary(samples.Length, verdicts, targets.Count, findings.Length));
        return findings.IsEmpty ? ExitCode.Success : ExitCode.Failed;
    }

    /// <summary>The samples that a name means: those whose operation, storage type or shape has every word of it.</summary>
    /// <exception cref="UserErrorException">None has.</exception>
    public static KernelSample[] Matching(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        string[] words = name.Split([' ', ','], StringSplitOptions.RemoveEmptyEntries);
        KernelSample[] samples = [.. KernelSamples.All.Where(sample => words.All(word => sample.ToString().Contains(word, StringComparison.OrdinalIgnoreCase)))];
        return samples.Length > 0
            ? samples
            : throw new UserErrorException(
                $"No operation is called '{name}'. There are {string.Join(", ", KernelSamples.All.Select(sample => sample.Operation).Distinct())}; a type or a shape may follow, as in 'AdamW fp16'.",
                ExitCode.Usage);
    }

    private static IEnumerable<KernelSample> Announced(KernelSample[] samples, ComputeCapability target, Action<string> progress)
    {
        for (int i = 0; i < samples.Length; i++)
        {
            progress(string.Create(CultureInfo.InvariantCulture, $"{target} {i + 1}/{samples.Length}: {samples[i]}"));
            yield return samples[i];
        }
    }

    private static void Add(SortedDictionary<string, KernelVerdict[]> verdicts, SampleRun run, int target, int targets)
    {
        foreach (LaunchReport launch in run.Launches)
        {
            if (!verdicts.TryGetValue(launch.Module, out KernelVerdict[]? row))
            {
                verdicts[launch.Module] = row = new KernelVerdict[targets];
            }

            row[target] += new KernelVerdict(1, launch.Findings.Count);
        }
    }

    private static IEnumerable<string> Describe(SampleRun run, ComputeCapability target)
    {
        foreach (LaunchReport launch in run.Launches)
        {
            foreach (string finding in launch.Findings.Select(finding => finding.ToString()))
            {
                yield return $"{target} {launch.Module} ({run.Sample}): {finding}";
            }
        }

        if (run.Error is not null)
        {
            yield return $"{target} {run.Sample}: {run.Error}";
        }
    }

    private static void Print(TextWriter output, SortedDictionary<string, KernelVerdict[]> verdicts, IReadOnlyList<ComputeCapability> targets)
    {
        int width = verdicts.Keys.Select(key => key.Length).Append("kernel".Length).Max();
        output.WriteLine($"{"kernel".PadRight(width)}{string.Concat(targets.Select(target => $"  {target,-12}"))}".TrimEnd());
        foreach ((string kernel, KernelVerdict[] row) in verdicts)
        {
            output.WriteLine($"{kernel.PadRight(width)}{string.Concat(row.Select(verdict => $"  {verdict,-12}"))}".TrimEnd());
        }
    }

    private static string Summary(int samples, SortedDictionary<string, KernelVerdict[]> verdicts, int targets, int findings) => string.Create(
        CultureInfo.InvariantCulture,
        $"kernels: {verdicts.Count}, launches: {verdicts.Values.Sum(row => row.Sum(verdict => verdict.Launches))}, samples: {samples}, architectures: {targets}. {(findings == 0 ? "Nothing found." : $"Findings: {findings}.")}");
}
