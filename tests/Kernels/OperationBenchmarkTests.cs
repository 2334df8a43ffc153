using System;
using System.Collections.Generic;
using System.Linq;
using GptEngine.Kernels.Benchmarks;
using GptEngine.Kernels.Common;
using GptEngine.Kernels.Common.Cuda;
using GptEngine.Runtime.Compile;
using GptEngine.Runtime.Devices;
using GptEngine.Runtime.Memory;
using GptEngine.Runtime.Simulator.Checks;
using GptEngine.Runtime.Simulator.Driver;
using NUnit.Framework;

namespace GptEngine.Tests.Kernels;

/// <summary>Kernel benchmarks: the case list, the timing loop on the CPU and through a graph, counters on the simulated GPU.</summary>
public sealed class OperationBenchmarkTests
{
    private static readonly DataType[] Types = [DataType.Float32, DataType.Float16, DataType.BFloat16];

    private static readonly OperationCaseList List = OperationCaseList.Load();

    private static IEnumerable<OperationCase> SmallCpuCases() =>
    [
        Case("layer_norm_forward", ("rows", 3), ("channels", 65)),
        Case("layer_norm_backward", ("rows", 3), ("channels", 65)),
        Case("attention_forward", ("batch", 2), ("time", 9), ("heads", 2), ("head_size", 32), ("document", 4)),
        Case("attention_backward", ("batch", 2), ("time", 9), ("heads", 2), ("head_size", 32), ("document", 0)),
        Case("attention_decode", ("batch", 2), ("heads", 2), ("head_size", 32), ("keys", 5)),
        Case("rotary", ("batch", 2), ("time", 9), ("heads", 2), ("head_size", 32)),
        Case("embedding_forward", ("batch", 2), ("time", 9), ("channels", 33), ("vocabulary", 100)),
        Case("embedding_backward", ("batch", 2), ("time", 9), ("channels", 33), ("vocabulary", 100)),
        Case("linear_forward", ("rows", 7), ("inputs", 33), ("outputs", 17)),
        Case("linear_gelu_forward", ("rows", 7), ("inputs", 33), ("outputs", 17)),
        Case("linear_backward_input", ("rows", 7), ("inputs", 33), ("outputs", 17)),
        Case("linear_backward_weight", ("rows", 7), ("inputs", 33), ("outputs", 17)),
        Case("cross_entropy_head", ("rows", 5), ("channels", 33), ("vocabulary", 100)),
        Case("gradient_norm", ("count", 4099)),
        Case("adamw", ("count", 4099)),
    ];

    private static IEnumerable<OperationCase> SimulatedCases() => List.Of("sim", [DataType.Float16]).Concat(List.Of("sim", [DataType.Float32]).Where(test => test.Operation == "gradient_norm"));

    [Test]
    public void List_HasEveryOperationOnceAndKnowsEach()
    {
        Assert.That(List.Operations, Is.Unique.And.Not.Empty);
        Assert.That(List.Operations.Where(name => !OperationBenchmark.Knows(name)), Is.Empty, "names without a benchmark");
        foreach (string scale in new[] { "gpu", "cpu", "sim" })
        {
            Assert.That(List.Of(scale, Types).Select(test => test.ToString()), Is.Unique.And.Not.Empty, scale);
        }
    }

    [Test]
    public void List_TimesEveryOperationOfTheCpuThere()
    {
        string[] listed = [.. List.Of("cpu", [DataType.Float32]).Select(test => test.Operation).Distinct()];
        Assert.That(listed, Is.EquivalentTo(SmallCpuCases().Select(test => test.Operation)));
    }

    [TestCaseSource(nameof(SmallCpuCases))]
    public void Time_OnTheCpu_TakesSamplesOverRotatingSets(OperationCase test)
    {
        using var device = new CpuDevice(2);
        IOperations operations = CpuOperations.Create(device);
        using var closing = operations as IDisposable;
        OperationMeasurement measured = OperationBenchmark.Time(operations, test, cacheBytes: 1 << 17, seconds: 0);
        Assert.That(measured.Seconds, Has.Count.GreaterThanOrEqualTo(10).And.All.GreaterThan(0));
        Assert.That(measured.Sets, Is.GreaterThan(1), "small operands are rotated");
        Assert.That(measured.CallsPerSample % measured.Sets, Is.Zero, "each set as often as any other");
        Assert.That(measured.Cost.Bytes, Is.GreaterThan(0));
        Assert.That(measured.Launches, Is.Empty);
    }

    [TestCaseSource(nameof(SimulatedCases))]
    [RequiresNvrtc]
    public void Count_OnASimulatedGpu_MovesAtLeastWhatTheCostSays(OperationCase test)
    {
        (SimulatedDriver driver, CudaOperations operations) = Simulated(test.Type);
        using Device device = operations.Device;
        using CudaOperations closing = operations;
        OperationMeasurement measured = OperationBenchmark.Count(operations, driver, test);
        Assert.That(measured.Launches, Is.Not.Empty);
        long sectors = measured.Launches.Sum(launch => launch.Counters.GlobalLoadSectors + launch.Counters.GlobalStoreSectors);
        Assert.That(32 * sectors, Is.GreaterThanOrEqualTo(measured.Cost.Bytes), "bytes moved");
        Assert.That(measured.Seconds, Is.Empty, "a simulated GPU has no time");
    }

    [Test]
    [RequiresNvrtc]
    public void Time_ThroughAGraph_TakesSamples()
    {
        (_, CudaOperations operations) = Simulated(DataType.Float32);
        using Device device = operations.Device;
        using CudaOperations closing = operations;
        OperationMeasurement measured = OperationBenchmark.Time(operations, Case("gelu_forward", ("count", 1024)), cacheBytes: 16384, seconds: 0);
        Assert.That(measured.Seconds, Has.Count.EqualTo(10).And.All.GreaterThan(0));
        Assert.That(measured.Sets, Is.EqualTo(4), "twice the cache over two tensors of 4096 bytes");
    }

    [TestCase(2, 9, 0)]
    [TestCase(2, 9, 4)]
    [TestCase(3, 7, 1)]
    [TestCase(3, 8, 100)]
    public void VisiblePairs_AreThoseOfTheMask(int batch, int time, int document)
    {
        OperationCase test = Case("attention_forward", ("batch", batch), ("time", time), ("heads", 1), ("head_size", 32), ("document", document));
        long pairs = 0;
        for (int b = 0; b < batch; b++)
        {
            for (int t = 0; t < time; t++)
            {
                for (int j = 0; j <= t; j++)
                {
                    // No document opens after j, up to t.
                    bool opens = document > 0 && Enumerable.Range(j + 1, t - j).Any(at => ((b * time) + at) % document == 0);
                    pairs += opens ? 0 : 1;
                }
            }
        }

        Assert.That(AttentionWorks.VisiblePairs(test), Is.EqualTo(pairs));
    }

    [Test]
    public void Tokens_AreWithinTheVocabularyAndFavourLowOnes()
    {
        int[] tokens = [.. Enumerable.Range(0, 10_000).Select(i => RowWorks.Token(i, 50_257))];
        Assert.That(tokens, Is.All.InRange(0, 50_256));
        Assert.That(tokens.Count(token => token < 50_257 / 8), Is.EqualTo(5000).Within(50), "u³ is below 1/8 where u is below 1/2");
    }

    [Test]
    public void Case_NamesTheSizeThatItLacks() => Assert.That(
        () => Case("gelu_forward", ("count", 1))["rows"], Throws.TypeOf<KeyNotFoundException>().With.Message.Contain("gelu_forward fp32 count=1"));

    private static OperationCase Case(string operation, params (string Name, int Value)[] sizes) =>
        new(operation, DataType.Float32, [.. sizes.Select(size => KeyValuePair.Create(size.Name, size.Value))]);

    private static (SimulatedDriver Driver, CudaOperations Operations) Simulated(DataType type)
    {
        var driver = new SimulatedDriver(SimulatedGpus.A100, new SimulatorOptions { Checks = SimulatorChecks.None, KeepReports = true });
        return (driver, GpuOperations.Simulated(driver, type, new GpuOptions { OwnProducts = true }, new CompileCache(new NvrtcCompiler(), CompileCache.DefaultFolder)));
    }
}
