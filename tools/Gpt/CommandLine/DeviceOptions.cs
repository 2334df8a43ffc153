using System;
using System.CommandLine;
using System.Globalization;
using GptEngine.Kernels.Common;
using GptEngine.Runtime;
using GptEngine.Runtime.Devices;

namespace GptEngine.Gpt.CommandLine;

/// <summary>Where to run: <c>--device</c>, <c>--gpus</c>, <c>--threads</c>.</summary>
internal sealed class DeviceOptions
{
    private readonly Option<string> _device = new("--device")
    {
        Description = "auto, cpu, cuda or sim; auto is the CPU where there is no GPU",
        HelpName = "NAME",
        DefaultValueFactory = _ => "auto",
    };

    private readonly Option<string?> _gpus = new("--gpus") { Description = "How many ranks, or the GPUs by number (0,1,2)", HelpName = "N|LIST" };

    private readonly Option<int> _threads = new("--threads")
    {
        Description = "Threads of the CPU device; 0 for all cores",
        HelpName = "N",
        DefaultValueFactory = _ => 0,
    };

    public void AddTo(Command command)
    {
        command.Options.Add(_device);
        command.Options.Add(_gpus);
        command.Options.Add(_threads);
    }

    /// <summary>Opens the device asked for.</summary>
    /// <exception cref="UserErrorException">There is no such device, or this machine lacks it.</exception>
    public OpenDevice Open(ParseResult call)
    {
        string name = call.GetValue(_device)!;
        string kind = Choice.Of(name, "--device", ("auto", "cpu"), ("cpu", "cpu"), ("cuda", "cuda"), ("sim", "sim"));
        if (kind != "cpu")
        {
            throw new UserErrorException(
                $"--device {kind}: training on it is not part of this build yet; use --device cpu.", ExitCode.MissingDependency);
        }

        int threads = call.GetValue(_threads);
        if (threads is < 0 or > 1024)
        {
            throw new UserErrorException($"--threads {threads} is out of range; it takes 0 (all cores) to 1024.", ExitCode.Usage);
        }

        if (RankCount(call) != 1)
        {
            throw new UserErrorException(
                $"--gpus {call.GetValue(_gpus)}: more than one rank is not part of this build yet; leave the option out.", ExitCode.MissingDependency);
        }

        var device = new CpuDevice(threads);
        return new OpenDevice(device, CpuOperations.Create(device));
    }

    /// <summary>How many ranks <c>--gpus</c> asks for; 1 without it.</summary>
    public int RankCount(ParseResult call)
    {
        if (call.GetValue(_gpus) is not { } text)
        {
            return 1;
        }

        string[] parts = text.Split(',');
        bool allNumbers = Array.TrueForAll(parts, part => int.TryParse(part, NumberStyles.None, CultureInfo.InvariantCulture, out _));
        int count = allNumbers && parts.Length == 1 ? int.Parse(text, CultureInfo.InvariantCulture) : parts.Length;
        return allNumbers && count is >= 1 and <= 4096
            ? count
            : throw new UserErrorException($"--gpus {text}: give a number from 1 up, or a list as in 0,1,2.", ExitCode.Usage);
    }
}
