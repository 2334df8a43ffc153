using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;

namespace GptEngine.Runtime.Launching;

/// <summary>Which logical processors share a core.</summary>
public static class ProcessorCores
{
    /// <summary>Where the kernel describes processors.</summary>
    public const string Processors = "/sys/devices/system/cpu";

    /// <summary>The processors in an order that has those of a core beside each other, so that a share of them is whole cores.</summary>
    /// <param name="processors">Any.</param>
    /// <param name="root">A stand-in for <see cref="Processors"/>, for tests.</param>
    public static IReadOnlyList<int> InOrder(IReadOnlyList<int> processors, string root = Processors)
    {
        ArgumentNullException.ThrowIfNull(processors);
        return [.. processors.OrderBy(processor => FirstOfCore(processor, root)).ThenBy(processor => processor)];
    }

    // A kernel that does not say, or says it otherwise, leaves every processor a core of its own.
    private static int FirstOfCore(int processor, string root)
    {
        string path = Path.Join(root, $"cpu{processor}", "topology", "thread_siblings_list");
        try
        {
            return File.Exists(path) && CpuList.Parse(File.ReadAllText(path)) is [int first, ..] ? first : processor;
        }
        catch (FormatException)
        {
            return processor;
        }
    }
}
