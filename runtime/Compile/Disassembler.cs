using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.IO;
using System.Linq;

namespace GptEngine.Runtime.Compile;

/// <summary>Machine code as text, by one of the toolkit's programs: NVRTC has none of its own.</summary>
public static class Disassembler
{
    private static readonly string[] Programs = ["nvdisasm", "cuobjdump"];

    /// <summary>The program that would be used, or null.</summary>
    public static string? Find() => Find(Environment.GetEnvironmentVariable);

    /// <summary>SASS of every kernel of a machine-code image: compile one alone to see it alone.</summary>
    /// <param name="image">From <see cref="ImageFormat.Cubin"/>.</param>
    /// <exception cref="UserErrorException">The machine has neither program, or the one it has failed.</exception>
    public static string Disassemble(CompiledImage image)
    {
        ArgumentNullException.ThrowIfNull(image);
        string program = Find() ?? throw new UserErrorException(
            "SASS needs nvdisasm or cuobjdump of the CUDA toolkit, and neither is on PATH or under CUDA_HOME. Install one, or look at the PTX with --ptx.",
            ExitCode.MissingDependency);
        return Run(program, Path.GetFileName(program) == Programs[0] ? ["-c"] : ["-sass"], image);
    }

    /// <summary>The same by nvdisasm alone, with the 128 bits of each instruction behind it.</summary>
    /// <exception cref="UserErrorException">The machine has no nvdisasm, or it failed.</exception>
    public static string DisassembleWithEncoding(CompiledImage image)
    {
        ArgumentNullException.ThrowIfNull(image);
        string program = Find(Environment.GetEnvironmentVariable, Programs[..1]) ?? throw new UserErrorException(
            "The machine code's schedule needs nvdisasm of the CUDA toolkit, and it is neither on PATH nor under CUDA_HOME. Install the toolkit, or a package of nvdisasm alone.",
            ExitCode.MissingDependency);
        return Run(program, ["-c", "-hex"], image);
    }

    internal static string? Find(Func<string, string?> environment) => Find(environment, Programs);

    private static string? Find(Func<string, string?> environment, string[] programs)
    {
        IEnumerable<string> path = (environment("PATH") ?? "").Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries);
        IEnumerable<string> toolkits = new[] { environment("CUDA_HOME"), environment("CUDA_PATH"), "/usr/local/cuda" }
            .OfType<string>()
            .Select(folder => Path.Combine(folder, "bin"));
        return (from program in programs
                from folder in path.Concat(toolkits)
                select Path.Combine(folder, program)).FirstOrDefault(File.Exists);
    }

    private static string Run(string program, string[] arguments, CompiledImage image)
    {
        string file = Path.Combine(Path.GetTempPath(), $"gptengine-{Guid.NewGuid():N}.cubin");
        try
        {
            File.WriteAllBytes(file, image.Bytes.ToArray());
            return Run(program, [.. arguments, file]);
        }
        finally
        {
            File.Delete(file);
        }
    }

    private static string Run(string program, IEnumerable<string> arguments)
    {
        using Process process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true })!;

        // Read both to their ends: a pipe that nobody empties would stop the program.
        System.Threading.Tasks.Task<string> errors = process.StandardError.ReadToEndAsync();
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return process.ExitCode == 0
            ? output
            : throw new UserErrorException($"{program} ended with exit code {process.ExitCode}: {errors.Result.Trim()}");
    }
}
