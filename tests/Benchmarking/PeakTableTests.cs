using System.IO;
using GptEngine.Engine.Benchmarking;
using GptEngine.Engine.Configuration;
using GptEngine.Runtime;
using NUnit.Framework;

namespace GptEngine.Tests.Benchmarking;

public sealed class PeakTableTests
{
    private string _file = "";

    [SetUp]
    public void CreateFile() => _file = Path.GetTempFileName();

    [TearDown]
    public void DeleteFile() => File.Delete(_file);

    [TestCase("Tesla V100-SXM2-32GB", Precision.Fp16, 125)]
    [TestCase("Tesla V100-PCIE-16GB", Precision.Fp16, 112)]
    [TestCase("NVIDIA A100-SXM4-80GB", Precision.Bf16, 312)]
    [TestCase("A100-SXM4-40GB", Precision.Tf32, 156)]
    [TestCase("NVIDIA H100 80GB HBM3", Precision.Bf16, 989)]
    [TestCase("NVIDIA H100 PCIe", Precision.Bf16, 756)]
    [TestCase("nvidia h200", Precision.Fp32, 67)]
    [TestCase("Tesla T4", Precision.Fp16, 65)]
    [TestCase("NVIDIA GeForce RTX 4090", Precision.Bf16, 165.2)]
    public void BuiltIn_KnowsByTheDriversName(string name, Precision precision, double tflops) =>
        Assert.That(PeakTable.BuiltIn().FlopsPerSecond(name, precision), Is.EqualTo(tflops * 1e12).Within(1));

    // A slice, a variant, a type that the hardware lacks, a name that merely starts or ends alike: no figure rather than a wrong one.
    [TestCase("NVIDIA A100-SXM4-40GB MIG 1g.5gb", Precision.Bf16)]
    [TestCase("NVIDIA H100", Precision.Bf16)]
    [TestCase("NVIDIA A10G", Precision.Bf16)]
    [TestCase("Tesla V100-SXM2-32GB", Precision.Bf16)]
    [TestCase("Tesla V100-SXM2-32GB", Precision.Tf32)]
    [TestCase("NVIDIA GeForce RTX 4090 D", Precision.Bf16)]
    [TestCase("Simulated H200", Precision.Bf16)]
    [TestCase("CPU, 2 threads, AVX-512", Precision.Fp32)]
    [TestCase("", Precision.Fp32)]
    public void BuiltIn_SaysNothingOfWhatItDoesNotKnow(string name, Precision precision) =>
        Assert.That(PeakTable.BuiltIn().FlopsPerSecond(name, precision), Is.Zero);

    [Test]
    public void AddFile_AddsAndReplaces()
    {
        Write("""
            { // comments are welcome
              "gpus": [
                {"names": ["NVIDIA A10G", "My GPU"], "tflops": {"bf16": 70}, "bandwidth_gbs": 600},
                {"names": ["h200"], "tflops": {"bf16": 990},},
              ]
            }
            """);
        PeakTable table = PeakTable.BuiltIn().AddFile(_file);
        Assert.Multiple(() =>
        {
            Assert.That(table.FlopsPerSecond("NVIDIA A10G", Precision.Bf16), Is.EqualTo(70e12));
            Assert.That(table.Find("my gpu")!.BandwidthGbs, Is.EqualTo(600));
            Assert.That(table.FlopsPerSecond("NVIDIA H200", Precision.Bf16), Is.EqualTo(990e12));
            Assert.That(table.FlopsPerSecond("NVIDIA H200", Precision.Fp32), Is.Zero, "an entry is replaced whole");
            Assert.That(table.FlopsPerSecond("NVIDIA A10", Precision.Bf16), Is.EqualTo(125e12));
        });
    }

    [TestCase("")]
    [TestCase("null")]
    [TestCase("[]")]
    [TestCase("{}")]
    [TestCase("""{"gpus": null}""")]
    [TestCase("""{"gpus": [null]}""")]
    [TestCase("""{"gpus": [{"names": null, "tflops": {}}]}""")]
    [TestCase("""{"gpus": [{"names": [], "tflops": {}}]}""")]
    [TestCase("""{"gpus": [{"names": [null], "tflops": {}}]}""")]
    [TestCase("""{"gpus": [{"names": [" "], "tflops": {}}]}""")]
    [TestCase("""{"gpus": [{"names": ["a"]}]}""")]
    [TestCase("""{"gpus": [{"names": ["a"], "tflops": null}]}""")]
    [TestCase("""{"gpus": [{"names": ["a"], "tflops": {"bf16": -1}}]}""")]
    [TestCase("""{"gpus": [{"names": ["a"], "tflops": {"bf16": 0}}]}""")]
    [TestCase("""{"gpus": [{"names": ["a"], "tflops": {"bf16": 1e300}}]}""")]
    [TestCase("""{"gpus": [{"names": ["a"], "tflops": {"bf16": "312"}}]}""")]
    [TestCase("""{"gpus": [{"names": ["a"], "tflops": {}, "bandwidth_gbs": 1e9}]}""")]
    [TestCase("""{"gpus": [{"names": ["a"], "tflops": {"bf17": 312}}]}""")]
    [TestCase("""{"gpus": [{"names": ["a"], "tflops": {"bf16": 1}}, {"names": ["NVIDIA A"], "tflops": {"bf16": 2}}]}""")]
    [TestCase("""{"gpus": [{"names": ["\ud800"], "tflops": {"bf16": 1}}]}""")]
    public void AddFile_WhatIsNoTable_IsRefusedInOneSentence(string json)
    {
        Write(json);
        var error = Assert.Throws<UserErrorException>(() => PeakTable.BuiltIn().AddFile(_file))!;
        Assert.That(error.ExitCode, Is.EqualTo(ExitCode.Usage));
        Assert.That(error.Message, Does.Contain(_file).And.Contain("table of peaks"));
    }

    [Test]
    public void AddFile_DeepNesting_IsRefused()
    {
        Write(new string('[', 100_000));
        Assert.Throws<UserErrorException>(() => PeakTable.BuiltIn().AddFile(_file));
    }

    [TestCase("/dev/zero")]
    [TestCase("/nowhere/peaks.json")]
    public void AddFile_WhatCannotBeRead_IsRefused(string path) =>
        Assert.Throws<UserErrorException>(() => PeakTable.BuiltIn().AddFile(path));

    private void Write(string json) => File.WriteAllText(_file, json);
}
