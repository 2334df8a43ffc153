using System;
using System.Text;
using GptEngine.Kernels.Common;
using GptEngine.Runtime.Compile;
using GptEngine.Runtime.Cuda;
using GptEngine.Runtime.Simulator.Driver;
using NUnit.Framework;

namespace GptEngine.Tests.Kernels;

/// <summary>Kernels made for one architecture alone (sm_90a): who gets them, and what they are compiled for.</summary>
public sealed class SpecificTargetTests
{
    private static readonly KernelInstance Specific = new("Cast/cast.cu", "k", 128) { FirstArchitecture = 90, IsArchitectureSpecific = true };

    [TestCase(80, false)]
    [TestCase(90, true)]
    [TestCase(100, false)]
    public void IsFor_ThatArchitectureAlone(int architecture, bool isFor) => Assert.That(Specific.IsFor(architecture), Is.EqualTo(isFor));

    [TestCase(90, "12.4", 90, true)]
    [TestCase(90, "11.8", 90, false)]
    [TestCase(80, "12.4", 80, false)]
    [TestCase(80, "12.4", 90, false)]
    public void Queue_HasIt_WhereGpuAndCompilerDo(int architecture, string compiler, int target, bool isFor)
    {
        using var driver = new SimulatedDriver(SimulatedGpus.ByArchitecture(architecture));
        using var queue = new KernelQueue(driver, driver.CreateStream(), new CompileCache(new VersionOnly(compiler), "unused"), ImageFormat.Ptx)
        {
            Target = ComputeCapability.FromNumber(target),
        };

        Assert.That(queue.IsFor(Specific), Is.EqualTo(isFor));
    }

    [Test]
    public void Request_NamesTheTarget([Values] ImageFormat format)
    {
        CompileRequest request = KernelSources.Request(new(9, 0), format, Specific);
        CompileRequest plain = KernelSources.Request(new(9, 0), format, Specific with { IsArchitectureSpecific = false });

        Assert.That(request.TargetName, Is.EqualTo(format == ImageFormat.Ptx ? "compute_90a" : "sm_90a"));
        Assert.That(plain.TargetName, Is.EqualTo(format == ImageFormat.Ptx ? "compute_90" : "sm_90"));
    }

    [Test]
    public void Markdown_SaysSo() => Assert.That(
        KernelReport.ToMarkdown([new KernelReportRow(Specific, new(9, 0), new KernelResources(168, 0, 0, 0, 0), 3, 0.1875)]),
        Does.Contain("| 168 · 19% · sm_90a |"));

    [TestCase(90, "sm_90a", true)]
    [TestCase(90, "sm_80a", false)]
    [TestCase(80, "sm_90a", false)]
    public void SimulatedGpu_LoadsItsOwn(int architecture, string target, bool loads)
    {
        byte[] ptx = Encoding.ASCII.GetBytes($".version 8.0\n.target {target}\n.address_size 64\n.visible .entry k()\n{{\nret;\n}}\n");
        using var driver = new SimulatedDriver(SimulatedGpus.ByArchitecture(architecture));
        if (loads)
        {
            using GpuModule module = driver.LoadModule(ptx, "k");
            Assert.That(module.GetFunction("k"), Is.Not.Null);
        }
        else
        {
            Assert.That(() => driver.LoadModule(ptx, "k"), Throws.TypeOf<GpuException>().With.Message.Contains(target[..5]));
        }
    }

    private sealed class VersionOnly(string version) : IKernelCompiler
    {
        public Version Version { get; } = Version.Parse(version);

        public CompiledImage Compile(CompileRequest request) => throw new NotSupportedException();
    }
}
