using System;
using System.Linq;
using GptEngine.Kernels.Common;
using GptEngine.Kernels.Common.Cuda;
using GptEngine.Kernels.Conformance;
using GptEngine.Runtime.Compile;
using GptEngine.Runtime.Cuda;
using GptEngine.Runtime.Devices;
using GptEngine.Runtime.Memory;
using GptEngine.Runtime.Simulator.Driver;
using GptEngine.Tests.Common;
using NUnit.Framework;

namespace GptEngine.Tests.Kernels;

/// <summary>What a matrix product's epilogue takes the place of, on a GPU that counts what is launched.</summary>
[RequiresNvrtc]
public sealed class EpilogueChoiceTests
{
    [Test]
    public void Times_RunTheKernels_OnMemoryThatIsGivenBack()
    {
        using var driver = new SimulatedDriver(SimulatedGpus.A100, new SimulatorOptions { KeepReports = true });
        using GpuStream stream = driver.CreateStream();
        using var queue = new KernelQueue(
            driver, stream, new CompileCache(new NvrtcCompiler(), CompileCache.DefaultFolder), ImageFormat.Ptx);
        EpilogueTimer timer = new EpilogueTimer(queue, DataType.BFloat16).For(70, 96);
        long free = driver.MemoryInfo.Free;

        foreach ((Func<double> time, string kernel) in (
            (Func<double>, string)[])[(timer.GeluForward, "activation_forward"), (timer.GeluBackward, "activation_backward"), (timer.BiasGradient, "bias_gradient")])
        {
            int before = driver.Launches.Count;
            Assert.That(time(), Is.GreaterThanOrEqualTo(0).And.LessThan(double.PositiveInfinity));
            Assert.That(driver.Launches, Has.Count.GreaterThan(before + 5));
            Assert.That(driver.Launches[before].Kernel, Does.Contain(kernel));
        }

        Assert.That(driver.MemoryInfo.Free, Is.EqualTo(free));
    }

    [TestCase(false, "matrix_product,activation_backward,matrix_product,bias_gradient_partials,bias_gradient_reduce")]
    [TestCase(true, "matrix_product,matrix_product,bias_gradient_reduce")]
    public void LinearBackward_LaunchesWhatWasChosen(bool fuses, string expected)
    {
        var driver = new SimulatedDriver(SimulatedGpus.A100, new SimulatorOptions { KeepReports = true, HostThreads = 1 });
        using CudaOperations operations = GpuOperations.Simulated(
            driver,
            DataType.Float32,
            new GpuOptions { FusesEpilogues = fuses, HostThreads = 1 },
            new CompileCache(new NvrtcCompiler(), CompileCache.DefaultFolder));
        using Device device = operations.Device;
        using var bench = new OperationBench(operations, DataType.Float32, DataType.Float32, TestSeed.Next());
        bench.Workspace(o => o.LinearWorkspaceBytes(8, 16, 24));
        Tensor gradY = bench.Read("gradY", TensorKind.Storage, 8, 24);

        operations.LinearBackwardInput(
            gradY,
            bench.Read("weight", TensorKind.Storage, 24, 16),
            bench.Write("gradX", TensorKind.Storage, 8, 16),
            Activation.GeluTanh,
            bench.Read("preActivation", TensorKind.Storage, 8, 16));
        operations.LinearBackwardWeight(
            gradY,
            bench.Read("x", TensorKind.Storage, 8, 16),
            bench.Gradient("gradWeight", accumulate: true, 24, 16),
            bench.Gradient("gradBias", accumulate: true, 24),
            accumulate: true);

        string[] names = expected.Split(',');
        Assert.That(driver.Launches, Has.Count.EqualTo(names.Length));
        Assert.That(driver.Launches.Zip(names).All(pair => pair.First.Kernel.Contains(pair.Second, StringComparison.Ordinal)), string.Join(", ", driver.Launches.Select(l => l.Kernel)));
        bench.Collect();
    }
}
