using System;
using System.Collections.Generic;
using System.Linq;
using GptEngine.Kernels.Common;
using GptEngine.Runtime.Compile;
using GptEngine.Runtime.Cuda;
using GptEngine.Runtime.Simulator;
using GptEngine.Runtime.Simulator.Driver;

namespace GptEngine.Kernels.Samples;

/// <summary>Runs samples on the simulated GPU.</summary>
public static class SampleRunner
{
    /// <summary>Runs samples one after the other, each on a GPU of its own, as they are asked for.</summary>
    /// <param name="samples">What to run.</param>
    /// <param name="gpu">The GPU to simulate.</param>
    /// <param name="options">Checks and threads; reports are kept and findings gathered whatever it says.</param>
    /// <param name="cache">Compiles, or finds what was compiled before.</param>
    public static IEnumerable<SampleRun> Run(
        IEnumerable<KernelSample> samples, GpuDeviceProperties gpu, SimulatorOptions options, CompileCache cache)
    {
        ArgumentNullException.ThrowIfNull(options);
        SimulatorOptions gathering = options with { KeepReports = true, ThrowOnFinding = false };
        return samples.Select(sample => Run(sample, gpu, gathering, cache));
    }

    private static SampleRun Run(KernelSample sample, GpuDeviceProperties gpu, SimulatorOptions options, CompileCache cache)
    {
        using var driver = new SimulatedDriver(gpu, options);
        using GpuStream stream = driver.CreateStream();
        using var bench = new SampleBench(new KernelQueue(driver, stream, cache, ImageFormat.Ptx));
        string? error = null;
        try
        {
            sample.Launch(bench);
        }
        catch (Exception e) when (e is UnsupportedInstructionException or CompileException or GpuException)
        {
            error = e.Message;
        }

        return new SampleRun(sample, driver.Launches, error);
    }
}
