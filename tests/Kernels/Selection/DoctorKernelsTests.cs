using System;
using System.Collections.Generic;
using System.IO;
using GptEngine.Gpt.Commands;
using GptEngine.Kernels.Common.Selection;
using GptEngine.Runtime.Cuda;
using GptEngine.Runtime.Simulator.Driver;
using GptEngine.Tests.Data;
using NUnit.Framework;

namespace GptEngine.Tests.Kernels.Selection;

/// <summary>What <c>gpt doctor</c> says of what was measured on this machine's GPUs.</summary>
public sealed class DoctorKernelsTests
{
    private static readonly Version Compiler = new(12, 4);

    private TemporaryFolder _folder = null!;

    [SetUp]
    public void SetUp() => _folder = new TemporaryFolder();

    [TearDown]
    public void TearDown() => _folder.Dispose();

    [Test]
    public void Choices_OfEachKindOfGpu_AreShownOnce()
    {
        MeasuredFile file = FileOf(SimulatedGpus.H200);
        file.Set("attention forward, bf16, B 2 T 8 H 1 D 64", "small|plain=3|small=1.25");
        file.Set("(4, 4)·(4, 4) fp16 to fp16, None", "00112233");
        FileOf(SimulatedGpus.V100).Set("attention forward, fp16, B 2 T 8 H 1 D 64", "plain|plain=3|small=4");

        (bool areRight, string text) = Print(SimulatedGpus.H200, SimulatedGpus.H200);

        Assert.That(areRight);
        Assert.That(text, Is.EqualTo("kernels       attention forward, bf16, B 2 T 8 H 1 D 64: small, 1.25 ms (plain 3 ms), measured before\n"));
        Assert.That(Print().Text, Is.Empty);
    }

    [TestCase("attention forward, bf16, B 2 T 8 H 1 D 64", "plain|plain=3|small!its output differs", "small LEFT OUT: its output differs")]
    [TestCase("trial of small, attention forward, bf16, B 2 T 8 H 1 D 64", "begun", "LEFT OUT: the process that first ran it did not come to the kernel's end")]
    public void Faults_AreSaid_AndFailIt(string question, string answer, string expected)
    {
        FileOf(SimulatedGpus.H200).Set(question, answer);

        (bool areRight, string text) = Print(SimulatedGpus.H200);

        Assert.That(areRight, Is.False);
        Assert.That(text, Does.Contain(question).And.Contain(expected).And.Contain("Please report its line"));
    }

    private MeasuredFile FileOf(GpuDeviceProperties gpu) => new(_folder.Path, KernelMeasurements.MachineOf(gpu, Compiler));

    private (bool AreRight, string Text) Print(params IEnumerable<GpuDeviceProperties> gpus)
    {
        using var text = new StringWriter { NewLine = "\n" };
        return (DoctorCommandLine.PrintKernels(GpuFindings.Choices(gpus, Compiler, _folder.Path), text), text.ToString());
    }
}
