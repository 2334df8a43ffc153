using System;
using System.CommandLine;
using System.Linq;
using GptEngine.Gpt.CommandLine;
using GptEngine.Gpt.Terminal;
using GptEngine.Kernels.Common;
using GptEngine.Kernels.Samples;
using GptEngine.Runtime;
using GptEngine.Runtime.Compile;
using GptEngine.Runtime.Cuda;
using GptEngine.Runtime.Simulator.Driver;

namespace GptEngine.Gpt.Commands;

/// <summary><c>gpt kernels</c>: what the GPU kernels are, compile to, do wrong and move, on a machine without a GPU.</summary>
internal static class KernelsCommandLine
{
    private const string Simulated = "sm_70,sm_80,sm_90";

    public static Command Create() => new("kernels", "Lists, compiles, shows, checks and profiles the GPU kernels; needs NVRTC, but no GPU.")
    {
        CreateList(),
        CreateCompile(),
        CreateShow(),
        CreateCheck(),
        CreateProfile(),
        KernelsCompareCommandLine.Create(),
    };

    private static Command CreateList()
    {
        var command = new Command("list", "A line a kernel: name, threads a block, source.");
        command.SetAction(_ =>
        {
            KernelCommands.List(Console.Out);
            return (int)ExitCode.Success;
        });
        return command;
    }

    private static Command CreateCompile()
    {
        Option<string> architectures = ArchitectureOption("Architectures to compile for", Simulated);
        var command = new Command("compile", "Compiles every kernel to machine code: registers, shared memory, spills, occupancy. Fails where one spills.") { architectures };
        command.SetAction(call => (int)KernelCommands.Compile(Console.Out, call.GetValue(architectures)!, Cache()));
        return command;
    }

    private static Command CreateShow()
    {
        Argument<string> name = new("NAME") { Description = "A kernel as 'gpt kernels list' has it, or a start that only one has" };
        Option<string> architecture = ArchitectureOption("The architecture", "sm_80");
        Option<bool> ptx = new("--ptx") { Description = "PTX; the default" };
        Option<bool> sass = new("--sass") { Description = "Machine code; needs nvdisasm" };
        var command = new Command("show", "Prints a kernel's PTX or machine code.") { name, architecture, ptx, sass };
        command.SetAction(call =>
        {
            if (call.GetValue(ptx) && call.GetValue(sass))
            {
                throw new UserErrorException("--ptx and --sass were both given. Give one of them.", ExitCode.Usage);
            }

            ImageFormat format = call.GetValue(sass) ? ImageFormat.Cubin : ImageFormat.Ptx;
            KernelCommands.Show(Console.Out, call.GetValue(name)!, ComputeCapability.Parse(call.GetValue(architecture)!), format, Cache());
            return (int)ExitCode.Success;
        });
        return command;
    }

    private static Command CreateCheck()
    {
        Argument<string[]> name = NameArgument();
        Option<string> architectures = ArchitectureOption("Architectures to simulate, of sm_70, sm_80 and sm_90", Simulated);
        var command = new Command("check", "Runs every kernel on the simulated GPU with all checks on. Fails where anything is found.") { name, architectures };
        command.SetAction(call =>
        {
            ComputeCapability[] targets = [.. call.GetValue(architectures)!.Split(',', StringSplitOptions.TrimEntries).Select(Simulable)];
            using var status = new StatusLine(Console.Error);
            var output = new System.IO.StringWriter();
            ExitCode result = KernelChecks.Run(output, string.Join(' ', call.GetValue(name)!), targets, Cache(), text => status.Show(() => text));
            status.Clear();
            Console.Out.Write(output);
            return (int)result;
        });
        return command;
    }

    private static Command CreateProfile()
    {
        Argument<string[]> name = NameArgument();
        Option<string> gpu = new("--gpu") { Description = "V100, A100 or H200", HelpName = "NAME", DefaultValueFactory = _ => "A100" };
        var command = new Command("profile", "Counts what each launch executes and moves on the simulated GPU, beside the least it could.") { name, gpu };
        command.SetAction(call =>
        {
            GpuDeviceProperties device = Choice.Of(
                call.GetValue(gpu)!, "--gpu", ("V100", SimulatedGpus.V100), ("A100", SimulatedGpus.A100), ("H200", SimulatedGpus.H200));
            return (int)KernelProfiles.Run(Console.Out, string.Join(' ', call.GetValue(name)!), device, Cache());
        });
        return command;
    }

    private static Argument<string[]> NameArgument() => new("NAME")
    {
        Description = "Only operations with these words, as in: layer norm fp16 C=768",
        Arity = ArgumentArity.ZeroOrMore,
        DefaultValueFactory = _ => [],
    };

    private static Option<string> ArchitectureOption(string description, string value) => new("--arch")
    {
        Description = description,
        HelpName = "sm_NN,...",
        DefaultValueFactory = _ => value,
    };

    private static ComputeCapability Simulable(string text)
    {
        ComputeCapability target = ComputeCapability.Parse(text);
        return SimulatedGpus.All.Any(gpu => gpu.Architecture == target.Number)
            ? target
            : throw new UserErrorException($"--arch {text}: it is not simulated. Name some of {Simulated}.", ExitCode.Usage);
    }

    private static CompileCache Cache() => new(new NvrtcCompiler(), CompileCache.DefaultFolder);
}
