using System;
using System.Collections.Generic;
using System.CommandLine;
using System.Globalization;
using System.Linq;
using GptEngine.Gpt.CommandLine;
using GptEngine.Runtime;
using GptEngine.Runtime.Cuda;
using GptEngine.Runtime.Cuda.Driver;
using GptEngine.Runtime.Native;
using GptEngine.Runtime.Simulator.Conformance;
using GptEngine.Runtime.Simulator.Driver;

namespace GptEngine.Gpt.Commands;

/// <summary><c>gpt kernels compare</c>: the same PTX and the same inputs on the simulated GPU and on a real one, instruction by instruction.</summary>
internal static class KernelsCompareCommandLine
{
    public static Command Create()
    {
        Option<string> with = new("--with")
        {
            Description = "cuda for this machine's GPU, or a second simulated one: sm_70, sm_80 or sm_90",
            HelpName = "DEVICE",
            DefaultValueFactory = _ => "cuda",
        };
        Option<int> inputs = new("--inputs") { Description = "Inputs an instruction", HelpName = "N", DefaultValueFactory = _ => 1024 };
        Option<int> seed = new("--seed") { Description = "Of the inputs", HelpName = "N", DefaultValueFactory = _ => 1 };
        Option<bool> all = new("--all") { Description = "Print every instruction, not only those that differ" };
        var command = new Command(
            "compare", "Holds the simulated GPU against this machine's, instruction by instruction. Fails where they differ by more than is documented.")
        {
            with, inputs, seed, all,
        };
        command.SetAction(call =>
        {
            int count = call.GetValue(inputs);
            if (count is < 1 or > 1 << 20)
            {
                throw new UserErrorException($"--inputs {count} is out of range; it takes 1 to {1 << 20}.", ExitCode.Usage);
            }

            using GpuDriver second = Open(call.GetValue(with)!);
            // The newest simulated GPU that the other is no older than.
            GpuDeviceProperties simulated = SimulatedGpus.All.Where(gpu => gpu.Architecture <= second.Properties.Architecture).MaxBy(gpu => gpu.Architecture)
                ?? throw new UserErrorException(
                    $"{second.Properties.Name} is older than sm_70, the oldest GPU that is simulated.", ExitCode.MissingDependency);
            using var first = new SimulatedDriver(simulated);
            return (int)Print(
                ConformanceComparison.Run(first, second, simulated.Architecture, count, call.GetValue(seed)),
                $"{simulated.Name} and {second.Properties.Name}, sm_{simulated.Architecture}", call.GetValue(all));
        });
        return command;
    }

    private static GpuDriver Open(string name)
    {
        if (name != "cuda")
        {
            int architecture = Choice.Of(name, "--with", ("cuda", 0), ("sm_70", 70), ("sm_80", 80), ("sm_90", 90));
            return new SimulatedDriver(SimulatedGpus.ByArchitecture(architecture));
        }

        NativeLibraries.Require(NativeLibraryName.Driver);
        return CudaDriver.DeviceCount > 0
            ? new CudaDriver()
            : throw new UserErrorException("The driver finds no GPU. 'gpt doctor' shows what it finds; --with sm_80 compares two simulated ones.", ExitCode.MissingDependency);
    }

    private static ExitCode Print(IReadOnlyList<ConformanceRow> rows, string devices, bool all)
    {
        Console.WriteLine($"{"instruction",-48}{"inputs",8}{"differ",8}{"ulps",7}  verdict");
        foreach (ConformanceRow row in rows.Where(row => all || row.Different > 0))
        {
            string verdict = row.Passes ? row.Different == 0 ? "same bits" : "within its documented error" : $"DIFFERS: {row.Example}";
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{row.Name,-48}{row.Inputs,8}{row.Different,8}{row.LargestUlps,7:0.#}  {verdict}"));
        }

        int failed = rows.Count(row => !row.Passes);
        int same = rows.Count(row => row.Different == 0);
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"{devices}: {rows.Count} instructions, {same} with the same bits, {rows.Count - same - failed} within the documented error, {failed} apart."));
        return failed == 0 ? ExitCode.Success : ExitCode.Failed;
    }
}
