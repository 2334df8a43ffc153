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

    /// <summary>SASS of a machine-code image.</summary>
    /// <param name="image">From <see cref="ImageFormat.Cubin"/>.</param>
    /// <param name="kernel">The kernel's name in the image; null for all of them.</param>
    /// <exception cref="UserErrorException">The machine has neither program, or the one it has failed.</exception>
    public static string Disassemble(CompiledImage image, string? kernel = null)
    {
        ArgumentNullException.ThrowIfNull(image);
        string program = Find() ?? throw new UserErrorException(
            "SASS needs nvdisasm or cuobjdump of the CUDA toolkit, and neither is on PATH or under CUDA_HOME. Install one, or look at the PTX with --ptx.",
            ExitCode.MissingDependency);
        string file = Path.Combine(Path.GetTempPath(), $"gptengine-{Guid.NewGuid():N}.cubin");
        try
        {
            File.WriteAllBytes(file, image.Bytes.ToArray());
            return Run(program, [.. ArgumentsOf(program, kernel), file]);
        }
        finally
        {
            File.Delete(file);
        }
    }

    internal static string? Find(Func<string, string?> environment)
    {
        IEnumerable<string> path = (environment("PATH") ?? "").Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries);
        IEnumerable<string> toolkits = new[] { environment("CUDA_HOME"), environment("CUDA_PATH"), "/usr/local/cuda" }
            .OfType<string>()
            .Select(folder => Path.Combine(folder, "bin"));
        return (from program in Programs
                from folder in path.Concat(toolkits)
                select Path.Combine(folder, program)).FirstOrDefault(File.Exists);
    }

    private static IEnumerable<string> ArgumentsOf(string program, string? kernel) => Path.GetFileName(program) == "nvdisasm"
        ? kernel is null ? ["-c"] : ["-c", "-fun", kernel]
        : kernel is null ? ["-sass"] : ["-sass", "-fun", kernel];

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
