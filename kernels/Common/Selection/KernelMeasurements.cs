using System;
using System.Collections.Generic;
using System.Globalization;
using System.IO;
using System.Linq;
using GptEngine.Runtime.Cuda;
using GptEngine.Runtime.Native;

namespace GptEngine.Kernels.Common.Selection;

/// <summary>What choices of kernels depend on, and those that a machine has made.</summary>
public static class KernelMeasurements
{
    private const string DriverVersionFile = "/sys/module/nvidia/version";
    private const int LongestVersion = 32;

    /// <summary>
    /// All that a measurement holds for: the GPU, its driver, NVRTC, and this program's kernels and launchers, sources and code alike (their assembly's
    /// own number, which is made of all that is in it).
    /// </summary>
    /// <param name="gpu">The GPU.</param>
    /// <param name="compiler">NVRTC's version.</param>
    public static string MachineOf(GpuDeviceProperties gpu, Version compiler)
    {
        ArgumentNullException.ThrowIfNull(gpu);
        string cuda = NativeVersion.Of(NativeLibraries.TryOpen(NativeLibraryName.Driver)) ?? "CUDA unknown";
        string build = typeof(KernelMeasurements).Module.ModuleVersionId.ToString("N")[..12];
        return string.Create(
            CultureInfo.InvariantCulture, $"{gpu.Name}, sm_{gpu.Architecture}, driver {DriverVersion()} ({cuda}), NVRTC {compiler}, kernels {build}");
    }

    /// <summary>What has been chosen by measuring on a machine, and which kernels were left unfinished, by the order of their questions.</summary>
    /// <param name="folder">Where it is kept.</param>
    /// <param name="machine">As <see cref="MachineOf"/> has it.</param>
    public static IReadOnlyList<KernelChoice> Of(string folder, string machine)
    {
        var file = new MeasuredFile(folder, machine);
        return
        [
            .. file.Lines
                .Select(line => ChoiceText.Parse(line.Question, line.Answer))
                .OfType<KernelChoice>()
                .Concat(KernelSelector.Unfinished(file))
                .OrderBy(choice => choice.Question, StringComparer.Ordinal),
        ];
    }

    /// <summary>The kernel module's version, which CUDA's own is but a part of.</summary>
    private static string DriverVersion()
    {
        try
        {
            string text = File.Exists(DriverVersionFile) ? File.ReadLines(DriverVersionFile).FirstOrDefault("") : "";
            return text.Length is > 0 and <= LongestVersion && text.All(c => char.IsAsciiLetterOrDigit(c) || c is '.' or '-') ? text : "unknown";
        }
        catch (Exception unreadable) when (unreadable is IOException or UnauthorizedAccessException)
        {
            // A container may hide it; CUDA's version is there still.
            return "unknown";
        }
    }
}
