using System;
using System.Linq;
using GptEngine.Engine.Configuration;
using GptEngine.Engine.SelfTesting;
using GptEngine.Kernels.Attention;
using GptEngine.Kernels.Common;
using GptEngine.Kernels.Common.Cuda;
using GptEngine.Kernels.Common.Selection;
using GptEngine.Kernels.Linear;
using GptEngine.Runtime.Compile;
using GptEngine.Runtime.Cuda;
using GptEngine.Runtime.Memory;
using GptEngine.Runtime.Simulator.Checks;
using GptEngine.Runtime.Simulator.Driver;
using GptEngine.Tests.Data;
using GptEngine.Tests.Training;
using NUnit.Framework;

namespace GptEngine.Tests.SelfTesting;

/// <summary>The self-test looks at every kernel that could run an operation, and fails on one that was left out.</summary>
public sealed class SelfTestKernelsTests
{
    private const string Machine = "the machine under test";

    /// <summary>The pass over 97 positions by small blocks, where large ones serve; by plain kernels, where tensor cores do; and by the rule.</summary>
    [Test]
    [RequiresNvrtc]
    public void Operations_EveryVariantThatServes_IsCompared()
    {
        var machine = new SelfTestMachine(SelfTestDevice.Simulated, [Precision.Fp16], (_, _) => throw new AssertionException("nothing is left to be chosen"))
        {
            OpenForced = (_, variant) => GpuOperations.Simulated(
                new SimulatedDriver(SimulatedGpus.A100, new SimulatorOptions { Checks = SimulatorChecks.None, HostThreads = 2 }),
                DataType.Float16,
                new GpuOptions { Attention = variant, HostThreads = 2 },
                new CompileCache(new NvrtcCompiler(), CompileCache.DefaultFolder)),
        };
        SelfTestPlan plan = SelfTestPlan.For(SelfTestDevice.Simulated, full: false) with { Filter = "operations AttentionBackward B=1 T=97" };

        SelfTestRow[] rows = [.. new SelfTest(machine, plan).Run()];

        Assert.That(rows.Where(row => !row.Passes), Is.Empty);
        Assert.That(rows.Select(row => row.Shape.Split(' ')[^2..]), Is.EqualTo(new[] { ["documents", "Ragged"], ["by", "plain"], new[] { "by", "small" } }));
    }

    /// <summary>On a GPU that does nothing, in no time; the file says of one kernel what a measurement there has found.</summary>
    [Test]
    public void Training_KernelThatWasLeftOut_Fails()
    {
        using var folder = new TemporaryFolder();
        var machine = new SelfTestMachine(SelfTestDevice.Gpu, [Precision.Fp16], (_, _) => Silent(folder.Path));
        SelfTestPlan plan = SelfTestPlan.For(SelfTestDevice.Gpu, full: false) with { Filter = "training kernels" };

        SelfTestRow right = new SelfTest(machine, plan).Run().Single(row => row.Name == "kernels");
        Assert.That(right.Passes, right.Note);

        var file = new MeasuredFile(folder.Path, Machine);
        (string question, string answer) = file.Lines.First(line => line.Question.StartsWith("attention backward", StringComparison.Ordinal));
        string word = AttentionVariants.WordOf(AttentionVariant.SmallBlocks);
        file.Set(question, $"plain{answer[answer.IndexOf('|', StringComparison.Ordinal)..].Replace($"{word}=0", $"{word}!it is wrong", StringComparison.Ordinal)}");

        SelfTestRow wrong = new SelfTest(machine, plan).Run().Single(row => row.Name == "kernels");
        Assert.That(wrong.Passes, Is.False);
        Assert.That(wrong.Note, Does.Contain($"{question}: plain").And.Contain("small LEFT OUT: it is wrong"));
    }

    private static CudaOperations Silent(string folder)
    {
        var device = new GpuDevice(new SilentDriver());
        var queue = new KernelQueue(device.Driver, device.Stream, new CompileCache(new SilentDriver.Compiler(), folder), ImageFormat.Ptx);
        var selector = new KernelSelector(new MeasuredFile(folder, Machine), Machine, _ => { });
        return new CudaOperations(device, queue, new KernelMatrixProducts(queue), DataType.Float16, new GpuOptions(), selector);
    }
}
