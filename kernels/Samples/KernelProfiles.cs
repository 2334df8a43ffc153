using System;
using System.Globalization;
using System.IO;
using System.Linq;
using GptEngine.Kernels.Common;
using GptEngine.Runtime;
using GptEngine.Runtime.Compile;
using GptEngine.Runtime.Cuda;
using GptEngine.Runtime.Simulator.Checks;
using GptEngine.Runtime.Simulator.Counters;
using GptEngine.Runtime.Simulator.Driver;

namespace GptEngine.Kernels.Samples;

/// <summary>
/// What <c>gpt kernels profile</c> does: the counters of each launch, the operation's own least bytes and operations beside them, and the
/// least time that a GPU's data sheet allows.
/// </summary>
public static class KernelProfiles
{
    private const int SectorBytes = 32;
    private const double Micro = 1e6;

    /// <summary>Prints a block a sample: a line a launch, then the operation against its cost.</summary>
    /// <param name="output">Where to print.</param>
    /// <param name="name">Only samples that have this in their name; empty for all.</param>
    /// <param name="gpu">The GPU to simulate.</param>
    /// <param name="cache">Compiles, or finds what was compiled before.</param>
    /// <returns><see cref="ExitCode.Failed"/> where a sample could not run.</returns>
    public static ExitCode Run(TextWriter output, string name, GpuDeviceProperties gpu, CompileCache cache)
    {
        ArgumentNullException.ThrowIfNull(output);
        KernelSample[] samples = KernelChecks.Matching(name);
        output.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"{gpu.Name} (sm_{gpu.Architecture}): {gpu.MemoryBandwidth / 1e9:N0} GB/s, {gpu.Float32Throughput / 1e12:0.0} TFLOP/s in fp32, {gpu.TensorThroughput / 1e12:N0} on tensor cores"));
        output.WriteLine("lanes: active ones a warp-instruction. s/r: 32-byte sectors a request, loads and stores. banks: shared-memory passes over the fewest.");
        output.WriteLine("roofline: least microseconds by the data sheet, and what bounds it. least: what the operation must move and compute by its own statement.");
        bool failed = false;
        foreach (SampleRun run in SampleRunner.Run(samples, gpu, new SimulatorOptions { Checks = SimulatorChecks.None }, cache))
        {
            Print(output, run, gpu);
            failed |= run.Error is not null;
        }

        return failed ? ExitCode.Failed : ExitCode.Success;
    }

    private static void Print(TextWriter output, SampleRun run, GpuDeviceProperties gpu)
    {
        int width = run.Launches.Select(launch => launch.Module.Length).Append("least".Length).Max();
        output.WriteLine();
        output.WriteLine(run.Sample);
        output.WriteLine($"  {"kernel".PadRight(width)} {"grid",7} {"block",6} {"instr",9} {"lanes",5} {"KiB",9} {"s/r ld",6} {"s/r st",6} {"banks",5} {"barr",6} {"MFLOP",8} {"tensor",8} {"roofline",14}");
        foreach (LaunchReport launch in run.Launches)
        {
            Print(output, launch, width, gpu);
        }

        if (run.Error is not null)
        {
            output.WriteLine($"  {run.Error}");
            return;
        }

        PrintTotal(output, run, width, gpu);
    }

    private static void Print(TextWriter output, LaunchReport launch, int width, GpuDeviceProperties gpu)
    {
        LaunchCounters counters = launch.Counters;
        Roofline roofline = Roofline.Of(counters, gpu);
        double banks = counters.SharedIdealWavefronts == 0 ? 0 : (double)counters.SharedWavefronts / counters.SharedIdealWavefronts;
        output.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"  {launch.Module.PadRight(width)} {launch.Shape.Grid.X * launch.Shape.Grid.Y,7} {launch.Shape.Block.X * launch.Shape.Block.Y,6} {counters.WarpInstructions,9} {counters.ActiveLanes,5:0.0} {Bytes(counters) / 1024.0,9:0.0} {counters.LoadSectorsPerRequest,6:0.0} {counters.StoreSectorsPerRequest,6:0.0} {(banks == 0 ? "-" : banks.ToString("0.00", CultureInfo.InvariantCulture)),5} {counters.Barriers,6} {Flops(counters) / 1e6,8:0.000} {counters.TensorOperations / 1e6,8:0.000} {Micro * roofline.Seconds,7:0.000} {roofline.Bound}"));
    }

    private static void PrintTotal(TextWriter output, SampleRun run, int width, GpuDeviceProperties gpu)
    {
        KernelCost least = run.Sample.Cost;
        long bytes = run.Launches.Sum(launch => Bytes(launch.Counters));
        long flops = run.Launches.Sum(launch => Flops(launch.Counters) + launch.Counters.TensorOperations);
        double throughput = run.Launches.Any(launch => launch.Counters.TensorOperations > 0) ? gpu.TensorThroughput : gpu.Float32Throughput;
        double time = run.Launches.Sum(launch => Roofline.Of(launch.Counters, gpu).Seconds);
        double leastTime = least.Seconds(gpu.MemoryBandwidth, throughput);
        output.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"  {"least".PadRight(width)} {least.Bytes / 1024.0:0.0} KiB, {least.Flops / 1e6:0.000} MFLOP, {Micro * leastTime:0.000} µs; moved {Ratio(bytes, least.Bytes)} of the bytes, computed {Ratio(flops, least.Flops)} of the operations, rooflines {Micro * time:0.000} µs"));
    }

    private static long Bytes(LaunchCounters counters) => SectorBytes * (counters.GlobalLoadSectors + counters.GlobalStoreSectors);

    private static long Flops(LaunchCounters counters) => counters.Float32Operations + counters.Float16Operations + counters.Float64Operations;

    private static string Ratio(long done, long least) =>
        least == 0 ? "-" : string.Create(CultureInfo.InvariantCulture, $"{(double)done / least:0.00}×");
}
