using System;
using System.IO;
using System.Linq;
using GptEngine.Kernels.Activation;
using GptEngine.Kernels.Common;
using GptEngine.Kernels.Samples;
using GptEngine.Runtime;
using GptEngine.Runtime.Compile;
using GptEngine.Runtime.Memory;
using NUnit.Framework;

namespace GptEngine.Tests.Kernels;

/// <summary>The samples behind <c>gpt kernels check</c> and <c>profile</c>.</summary>
[RequiresNvrtc]
public sealed class KernelSampleTests
{
    /// <summary>On sm_80, and what is for others alone there: fewer stages before it, more shared memory after it.</summary>
    [Test]
    public void EveryKernelOfTheCatalogue_RunsCleanly()
    {
        (int Architecture, string Samples)[] runs =
        [
            (80, ""), (70, "attention fp16"), (86, "attention forward T=161 D=128"), (90, "attention forward D=128"), (90, "attention forward T=161 D=96"),
            (90, "attention forward T=97 D=64"), (90, "T=200"),
        ];
        string[] clean = [.. runs.SelectMany(run => Clean(run.Architecture, run.Samples))];

        Assert.That(KernelCatalogue.All.Select(kernel => kernel.NameExpression).Except(clean), Is.Empty);
    }

    [Test]
    public void KernelThatReadsWhatNothingWrote_FailsWithTheFinding()
    {
        using var output = new StringWriter();
        var sample = new KernelSample("planted", DataType.Float32, "n=64", default, bench =>
            new ActivationLauncher(bench.Queue, DataType.Float32, Activation.Relu).Forward(
                bench.Unwritten("z", DataType.Float32, 64), bench.Unwritten("y", DataType.Float32, 64)));

        ExitCode result = KernelChecks.Run(output, [sample], [new(7, 0)], Cache(), _ => { });

        Assert.That(result, Is.EqualTo(ExitCode.Failed));
        Assert.That(output.ToString(), Does.Contain("1 found").And.Contain("Uninitialized").And.Contain("of z").And.Contain("activation.cu:").And.Contain("Findings: 1."));
    }

    private static string[] Clean(int architecture, string name)
    {
        using var output = new StringWriter();
        ExitCode result = KernelChecks.Run(output, name, [ComputeCapability.FromNumber(architecture)], Cache(), _ => { });
        string text = output.ToString();
        Assert.That(result, Is.EqualTo(ExitCode.Success), text);
        return [.. text.Split('\n').Where(line => line.EndsWith("  clean", StringComparison.Ordinal)).Select(line => line[..^"  clean".Length].Trim())];
    }

    private static CompileCache Cache() => new(new NvrtcCompiler(), CompileCache.DefaultFolder);
}
