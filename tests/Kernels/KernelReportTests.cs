using System;
using System.Collections.Generic;
using System.Collections.Immutable;
using System.IO;
using System.Linq;
using GptEngine.Kernels.Common;
using GptEngine.Runtime.Compile;
using NUnit.Framework;

namespace GptEngine.Tests.Kernels;

/// <summary>Machine code of every kernel of the catalogue for every architecture: what no GPU is needed to prove.</summary>
[RequiresNvrtc]
public sealed class KernelReportTests
{
    private const string Begin = "<!-- table of kernels: made by a test -->\n";
    private const string End = "<!-- end of table -->";

    private ImmutableArray<KernelReportRow> _rows;
    private CompileCache _cache = null!;

    [OneTimeSetUp]
    public void CompileAll()
    {
        var compiler = new NvrtcCompiler();
        _cache = new CompileCache(compiler, CompileCache.DefaultFolder);
        IEnumerable<ComputeCapability> targets = ArchitectureLimits.All.Select(limits => limits.Capability).Where(compiler.SupportedArchitectures.Contains);
        _rows = KernelReport.Compile(_cache, KernelCatalogue.All, targets);
    }

    [Test]
    public void Catalogue_EveryKernel_CompilesWithoutSpills() => Assert.That(
        _rows.Where(row => row.Resources.SpillStoreBytes + row.Resources.SpillLoadBytes + row.Resources.StackBytes > 0)
            .Select(row => $"{row.Kernel} for {row.Target}: {row.Resources}"),
        Is.Empty);

    // C7510 and its kin: a warpgroup's products would wait for each other.
    [Test]
    public void Catalogue_NoKernel_HasItsProductsSerialized() => Assert.That(
        from row in _rows
        where row.Kernel.IsArchitectureSpecific
        let log = _cache.GetOrCompile(KernelSources.Request(row.Target, ImageFormat.Cubin, row.Kernel)).Image.Log
        where log.Contains("C75", StringComparison.Ordinal) || log.Contains("serialized", StringComparison.Ordinal)
        select $"{row.Kernel}: {log}",
        Is.Empty);

    [Test]
    public void Catalogue_EveryKernel_FitsAnSm() =>
        Assert.That(_rows.Where(row => row.ResidentBlocks == 0).Select(row => $"{row.Kernel} for {row.Target}"), Is.Empty);

    [Test]
    public void Catalogue_CoversEveryKernelOfEverySource()
    {
        IEnumerable<string> listed = KernelCatalogue.All.Select(kernel => kernel.NameExpression.Split('<')[0]).Distinct();
        IEnumerable<string> written =
            from name in KernelSources.Names
            from System.Text.RegularExpressions.Match match in System.Text.RegularExpressions.Regex.Matches(
                KernelSources.Read(name).Text, @"__global__ void\s+(?:__launch_bounds__\([^;{]*?\)\s+)?(\w+)\(")
            select match.Groups[1].Value;

        Assert.That(listed, Is.EquivalentTo(written));
    }

    [Test]
    public void Documentation_Table_IsWhatTheCompilerReports()
    {
        string path = Path.Combine(Repository.Root, "docs", "kernels.md");
        string text = File.ReadAllText(path);
        int begin = text.IndexOf(Begin, StringComparison.Ordinal) + Begin.Length;
        int end = text.IndexOf(End, StringComparison.Ordinal);
        string table = $"\nNVRTC {_cache.Compiler.Version}; registers a thread · occupancy.\n\n{KernelReport.ToMarkdown(_rows)}\n";
        if (Environment.GetEnvironmentVariable("GPTENGINE_UPDATE_DOCS") == "1")
        {
            File.WriteAllText(path, text[..begin] + table + text[end..]);
            return;
        }

        if (!text[begin..end].Contains($"NVRTC {_cache.Compiler.Version};", StringComparison.Ordinal))
        {
            Assert.Ignore($"docs/kernels.md tells of another NVRTC than {_cache.Compiler.Version}, whose registers may differ");
        }

        Assert.That(text[begin..end], Is.EqualTo(table), "run this test with GPTENGINE_UPDATE_DOCS=1 to write the table anew");
    }
}
