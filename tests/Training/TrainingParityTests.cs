using System;
using System.IO;
using System.Linq;
using System.Text.Json;
using GptEngine.Engine.Configuration;
using GptEngine.Engine.Training;
using GptEngine.Kernels.Common;
using GptEngine.Kernels.Common.Cuda;
using GptEngine.Runtime.Devices;
using GptEngine.Runtime.Memory;
using GptEngine.Runtime.Simulator.Checks;
using GptEngine.Tests.Kernels;
using NUnit.Framework;

namespace GptEngine.Tests.Training;

/// <summary>Fifty optimizer steps against PyTorch's, from the same weights and tokens (tests/Golden/training).</summary>
public sealed class TrainingParityTests
{
    private static readonly string Golden = Path.Combine(AppContext.BaseDirectory, "Golden", "training");

    private static string[] Cases() => [.. Directory.GetDirectories(Golden).Select(Path.GetFileName).OfType<string>().Order(StringComparer.Ordinal)];

    [TestCaseSource(nameof(Cases))]
    public void Cpu_FiftySteps_MatchPyTorch(string name)
    {
        using var device = new CpuDevice(1);
        IOperations operations = CpuOperations.Create(device);
        using var owned = (IDisposable)operations;
        Compare(name, operations);
    }

    [RequiresNvrtc]
    [TestCaseSource(nameof(Cases))]
    public void Simulated_FiftySteps_MatchPyTorch(string name)
    {
        using CudaOperations operations = SimulatedOperations.Create(90, DataType.Float32, checks: SimulatorChecks.Uninitialized);
        using Device device = operations.Device;
        Compare(name, operations);
    }

    /// <summary>
    /// The other architectures' fp32, and the tensor cores' types: their outputs may be 1e-2 off, and their losses stay with PyTorch's float64.
    /// </summary>
    [RequiresNvrtc]
    [TestCase("odd_lengths", 70, Precision.Fp32, 1e-3)]
    [TestCase("head_96", 70, Precision.Fp16, 2e-3)]
    [TestCase("rotary", 80, Precision.Bf16, 1e-2)]
    [TestCase("gpt2_like", 90, Precision.Bf16, 1e-2)]
    public void Simulated_OtherPrecisions_StayWithPyTorch(string name, int architecture, Precision precision, double tolerance)
    {
        DataType storage = precision switch
        {
            Precision.Fp16 => DataType.Float16,
            Precision.Bf16 => DataType.BFloat16,
            _ => DataType.Float32,
        };
        using CudaOperations operations = SimulatedOperations.Create(architecture, storage, checks: SimulatorChecks.None);
        using Device device = operations.Device;
        Compare(name, operations, precision, tolerance);
    }

    [TestCase("odd_lengths")]
    [TestCase("one_token_documents")]
    public void Oracle_FiftySteps_MatchPyTorch(string name)
    {
        using var device = new ReferenceDevice();
        Compare(name, new ReferenceOperations<double>(device));
    }

    private static void Compare(string name, IOperations operations, Precision precision = Precision.Fp32, double tolerance = 1e-3)
    {
        string folder = Path.Combine(Golden, name);
        RunConfiguration configuration = JsonSerializer.Deserialize(
            File.ReadAllBytes(Path.Combine(folder, "train.json")), ConfigurationJson.Default.RunConfiguration)!;
        configuration = configuration with
        {
            Data = configuration.Data with { Path = Path.Combine(folder, "data") },
            Training = configuration.Training with { Precision = precision },
        };
        var observer = new RecordingObserver();
        var options = new TrainingSessionOptions { InitFolder = Path.Combine(folder, "init"), Observers = [observer] };
        using (TrainingSession session = TrainingSession.Create(configuration, operations, options))
        {
            Assert.That(session.Run(), Is.EqualTo(TrainingOutcome.Completed));
        }

        using JsonDocument expected = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(folder, "expected.json")));
        Assert.That(observer.Opening!.NumChunkedBatches, Is.EqualTo(expected.RootElement.GetProperty("num_chunked_batches").GetInt32()));
        JsonElement[] steps = [.. expected.RootElement.GetProperty("float64").EnumerateArray()];
        Assert.That(observer.Steps, Has.Count.EqualTo(steps.Length));
        double worstLoss = 0;
        double worstNorm = 0;
        foreach ((StepReport ours, JsonElement torch) in observer.Steps.Zip(steps))
        {
            Assert.Multiple(() =>
            {
                Assert.That(ours.Step, Is.EqualTo(torch.GetProperty("step").GetInt64()));
                Assert.That(ours.Tokens, Is.EqualTo(torch.GetProperty("tokens").GetInt64()));
                Assert.That(ours.LearningRate, Is.EqualTo(torch.GetProperty("learning_rate").GetDouble()).Within(2e-5).Percent);
            });
            worstLoss = Math.Max(worstLoss, Relative(ours.Loss, torch.GetProperty("loss").GetDouble()));
            worstNorm = Math.Max(worstNorm, Relative(ours.GradNorm, torch.GetProperty("grad_norm").GetDouble()));
        }

        TestContext.Out.WriteLine($"{name}: loss within {worstLoss:E1}, gradient norm within {worstNorm:E1}");
        Assert.That(worstLoss, Is.LessThan(tolerance));
        Assert.That(worstNorm, Is.LessThan(10 * tolerance));
    }

    private static double Relative(double a, double b) => Math.Abs(a - b) / Math.Abs(b);
}
