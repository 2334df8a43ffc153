using System;
using System.Linq;
using GptEngine.Engine.Configuration;
using GptEngine.Kernels.Common;
using GptEngine.Kernels.Common.Cuda;
using GptEngine.Runtime.Devices;
using GptEngine.Runtime.Memory;
using GptEngine.Runtime.Simulator.Checks;
using GptEngine.Tests.Kernels;
using NUnit.Framework;

namespace GptEngine.Tests.Training;

/// <summary>Whole training runs on the simulated GPU: graphs and precisions. Kernels are checked in their own tests.</summary>
[RequiresNvrtc]
public sealed class SimulatedTrainingTests
{
    private const int Steps = 12;

    private static RunConfiguration Small { get; } = TestRuns.Small with { Training = TestRuns.Small.Training with { Steps = Steps } };

    [Test]
    public void GraphReplay_GivesTheBitsOfEagerWork()
    {
        RunConfiguration configuration = Small with { Model = Small.Model with { Dropout = 0.2f } };
        float[] replayed = Losses(configuration, 80, DataType.Float32, new GpuOptions());
        Assert.Multiple(() =>
        {
            Assert.That(Losses(configuration, 80, DataType.Float32, new GpuOptions { UsesGraphs = false }), Is.EqualTo(replayed));
            Assert.That(Losses(configuration, 80, DataType.Float32, new GpuOptions()), Is.EqualTo(replayed));
        });
    }

    [Test]
    public void Losses_AreTheCpus()
    {
        using var cpu = new CpuDevice(1);
        using var operations = (IDisposable)CpuOperations.Create(cpu);
        float[] expected = [.. TestRuns.Run(Small, (IOperations)operations).Steps.Select(step => step.Loss)];
        float[] actual = Losses(Small, 70, DataType.Float32, new GpuOptions());
        foreach ((float a, float e) in actual.Zip(expected))
        {
            Assert.That(a, Is.EqualTo(e).Within(1e-3).Percent);
        }
    }

    [TestCase(70, Precision.Fp16)]
    [TestCase(80, Precision.Bf16)]
    [TestCase(90, Precision.Tf32)]
    public void LowPrecision_FollowsFp32(int architecture, Precision precision)
    {
        RunConfiguration shorter = Small with { Training = Small.Training with { Steps = 10 } };
        float[] exact = Losses(shorter, architecture, DataType.Float32, new GpuOptions());
        DataType storage = precision switch
        {
            Precision.Fp16 => DataType.Float16,
            Precision.Bf16 => DataType.BFloat16,
            _ => DataType.Float32,
        };
        float[] rounded = Losses(
            shorter with { Training = shorter.Training with { Precision = precision } }, architecture, storage,
            new GpuOptions { RoundsToTf32 = precision == Precision.Tf32 });
        TestContext.Out.WriteLine($"{precision}: last losses {rounded[^1]} and {exact[^1]}");
        foreach ((float r, float e) in rounded.Zip(exact))
        {
            Assert.That(r, Is.EqualTo(e).Within(1).Percent);
        }
    }

    [Test]
    public void OwnProducts_TrainLikeTheLibrary()
    {
        RunConfiguration few = Small with { Training = Small.Training with { Steps = 4 } };
        float[] library = Losses(few, 90, DataType.Float32, new GpuOptions());
        float[] own = Losses(few, 90, DataType.Float32, new GpuOptions { OwnProducts = true });
        foreach ((float a, float b) in own.Zip(library))
        {
            Assert.That(a, Is.EqualTo(b).Within(1e-3).Percent);
        }
    }

    [Test]
    public void FusedEpilogues_TrainLikeKernels()
    {
        RunConfiguration few = Small with
        {
            Model = Small.Model with { QkvBias = true, Activation = ActivationKind.GeluTanh },
            Training = Small.Training with { Steps = 4 },
        };
        float[] kernels = Losses(few, 80, DataType.Float32, new GpuOptions());
        float[] fused = Losses(few, 80, DataType.Float32, new GpuOptions { FusesEpilogues = true });
        foreach ((float a, float b) in fused.Zip(kernels))
        {
            Assert.That(a, Is.EqualTo(b).Within(1e-3).Percent);
        }
    }

    private static float[] Losses(RunConfiguration configuration, int architecture, DataType storage, GpuOptions options)
    {
        using CudaOperations operations = SimulatedOperations.Create(architecture, storage, options, SimulatorChecks.None);
        using Device device = operations.Device;
        return [.. TestRuns.Run(configuration, operations).Steps.Select(step => step.Loss)];
    }
}
