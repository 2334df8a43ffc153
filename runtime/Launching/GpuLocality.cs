using System;
using System.Collections.Generic;
using System.Globalization;
using System.IO;
using System.Linq;

namespace GptEngine.Runtime.Launching;

/// <summary>Which processors are near a GPU, from what the kernel says of its place on the bus.</summary>
public static class GpuLocality
{
    /// <summary>Where the kernel describes devices.</summary>
    public const string Devices = "/sys/bus/pci/devices";

    /// <summary>The memory node that the GPU hangs at; null where the machine has but one or does not say.</summary>
    /// <param name="busId">As the driver writes it: <c>0000:06:00.0</c>.</param>
    /// <param name="devices">A stand-in for <see cref="Devices"/>, for tests.</param>
    public static int? MemoryNode(string busId, string devices = Devices) =>
        Read(busId, "numa_node", devices) is { } text && int.TryParse(text, CultureInfo.InvariantCulture, out int node) && node >= 0 ? node : null;

    /// <summary>The processors of that node; none where the machine does not say.</summary>
    /// <param name="busId">As in <see cref="MemoryNode"/>.</param>
    /// <param name="devices">As in <see cref="MemoryNode"/>.</param>
    public static IReadOnlyList<int> Processors(string busId, string devices = Devices)
    {
        try
        {
            return CpuList.Parse(Read(busId, "local_cpulist", devices) ?? "");
        }
        catch (FormatException)
        {
            // A kernel that writes something else: better unbound than bound wrong.
            return [];
        }
    }

    /// <summary>
    /// For each GPU its part of the processors near it: those of a memory node are shared by the GPUs that hang at it, in whole cores; a GPU
    /// of which the machine does not say where it hangs, or whose node may not be used, shares all that may.
    /// </summary>
    /// <param name="near">The processors near each GPU, as <see cref="Processors"/> gives them.</param>
    /// <param name="allowed">Those that may be used.</param>
    /// <param name="cores">A stand-in for <see cref="ProcessorCores.Processors"/>, for tests.</param>
    public static IReadOnlyList<IReadOnlyList<int>> Share(
        IReadOnlyList<IReadOnlyList<int>> near, IReadOnlyList<int> allowed, string cores = ProcessorCores.Processors)
    {
        ArgumentNullException.ThrowIfNull(near);
        string[] groups = [.. near.Select(list => CpuList.Format(list.Intersect(allowed).Any() ? list.Intersect(allowed) : allowed))];
        return
        [
            .. groups.Select((group, gpu) => CpuList.Share(
                ProcessorCores.InOrder(CpuList.Parse(group), cores), groups.Take(gpu).Count(other => other == group), groups.Count(other => other == group))),
        ];
    }

    private static string? Read(string busId, string file, string devices)
    {
        ArgumentNullException.ThrowIfNull(busId);
        string path = Path.Join(devices, Path.GetFileName(busId.ToLowerInvariant()), file);
        return File.Exists(path) ? File.ReadAllText(path).Trim() : null;
    }
}
