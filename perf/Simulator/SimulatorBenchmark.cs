using System;
using System.Globalization;
using System.IO;
using System.Linq;
using GptEngine.Runtime.Cuda;
using GptEngine.Runtime.Simulator.Checks;
using GptEngine.Runtime.Simulator.Driver;

namespace GptEngine.Perf.Simulator;

/// <summary>PTX thread-instructions a second of the simulated GPU on ordinary kernels, with all checks and with none.</summary>
internal static unsafe class SimulatorBenchmark
{
    private const double Floor = 200e6;
    private const int Repeats = 5;

    internal static int Run(string[] arguments)
    {
        int hostThreads = arguments.Length > 0 ? int.Parse(arguments[0], CultureInfo.InvariantCulture) : Environment.ProcessorCount;
        Console.WriteLine($"simulator: PTX thread-instructions a second on {hostThreads} host threads, best of {Repeats}; the floor is {Floor / 1e6:0} M/s");
        Console.WriteLine($"{"kernel",-12} {"M instructions",14} {"all checks",12} {"no checks",12} {"checked / floor",16}");
        byte[] ptx = File.ReadAllBytes(Path.Combine(AppContext.BaseDirectory, "Simulator", "bench.sm70.ptx"));
        foreach (string kernel in (string[])["saxpy", "matmul", "reduce", "layer_norm", "gelu"])
        {
            (long instructions, double withChecks) = Measure(ptx, kernel, SimulatorChecks.All, hostThreads);
            (_, double without) = Measure(ptx, kernel, SimulatorChecks.None, hostThreads);
            Console.WriteLine(
                $"{kernel,-12} {instructions / 1e6,14:0.0} {withChecks / 1e6,8:0} M/s {without / 1e6,8:0} M/s {withChecks / Floor,16:0.00}");
        }

        return 0;
    }

    private static (long Instructions, double PerSecond) Measure(byte[] ptx, string kernel, SimulatorChecks checks, int hostThreads)
    {
        using var driver = new SimulatedDriver(SimulatedGpus.V100, new SimulatorOptions { Checks = checks, HostThreads = hostThreads });
        using GpuStream stream = driver.CreateStream();
        using GpuModule module = driver.LoadModule(ptx, "bench");
        GpuFunction function = module.GetFunction(kernel);
        const int n = 1 << 20;
        DevicePointer x = Upload(driver, stream, n);
        DevicePointer y = Upload(driver, stream, n);
        DevicePointer z = Upload(driver, stream, n);
        double best = double.MaxValue;
        for (int i = 0; i < Repeats; i++)
        {
            switch (kernel)
            {
                case "saxpy":
                    driver.Launch(function, new LaunchShape(n / 256, 256), stream, n, 2f, x, y);
                    break;
                case "matmul":
                    driver.Launch(function, new LaunchShape(new GridSize(8, 8), new GridSize(32, 8)), stream, 256, x, y, z);
                    break;
                case "reduce":
                    driver.Launch(function, new LaunchShape(64, 256), stream, n, x, y);
                    break;
                case "layer_norm":
                    driver.Launch(function, new LaunchShape(n / 768 / 8, new GridSize(32, 8)), stream, n / 768 / 8 * 8, 768, x, y, y, z);
                    break;
                default:
                    driver.Launch(function, new LaunchShape(n / 256, 256), stream, n, x, y);
                    break;
            }

            best = Math.Min(best, driver.LastLaunch!.Seconds);
        }

        long instructions = driver.LastLaunch!.Counters.ThreadInstructions;
        return (instructions, instructions / best);
    }

    private static DevicePointer Upload(SimulatedDriver driver, GpuStream stream, int count)
    {
        var random = new Random(count);
        float[] values = [.. Enumerable.Range(0, count).Select(_ => (float)(random.NextDouble() - 0.5))];
        DevicePointer pointer = driver.Allocate(4L * count, "buffer");
        fixed (float* source = values)
        {
            driver.CopyToDevice(pointer, (nint)source, 4L * count, stream);
        }

        return pointer;
    }
}
