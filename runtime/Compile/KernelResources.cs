using System;
using System.Collections.Generic;
using System.Globalization;
using System.Text.RegularExpressions;

namespace GptEngine.Runtime.Compile;

/// <summary>What one kernel's machine code takes of an SM, as ptxas reports it.</summary>
/// <param name="Registers">32-bit registers a thread.</param>
/// <param name="StaticSharedBytes">Shared memory a block that the source declares with a size.</param>
/// <param name="StackBytes">Local memory a thread: arrays indexed at run time, and spills.</param>
/// <param name="SpillStoreBytes">Written to local memory for want of registers.</param>
/// <param name="SpillLoadBytes">Read back from there.</param>
public sealed partial record KernelResources(int Registers, int StaticSharedBytes, int StackBytes, int SpillStoreBytes, int SpillLoadBytes)
{
    /// <summary>Reads ptxas's verbose report, which has been worded the same from 11.8 to 13, by kernel name.</summary>
    internal static IReadOnlyDictionary<string, KernelResources> ParseLog(string log)
    {
        var resources = new Dictionary<string, KernelResources>(StringComparer.Ordinal);
        string? kernel = null;
        (int Stack, int Stores, int Loads) memory = default;
        foreach (string line in log.Split('\n'))
        {
            if (EntryLine().Match(line) is { Success: true } entry)
            {
                kernel = entry.Groups["name"].Value;
                memory = default;
            }
            else if (MemoryLine().Match(line) is { Success: true } found)
            {
                // The same line follows for device functions that were not inlined: their stack adds to their callers'.
                memory = (memory.Stack + Number(found, "stack"), memory.Stores + Number(found, "stores"), memory.Loads + Number(found, "loads"));
            }
            else if (kernel is not null && RegisterLine().Match(line) is { Success: true } used)
            {
                int shared = SharedPart().Match(line) is { Success: true } part ? Number(part, "bytes") : 0;
                resources[kernel] = new KernelResources(Number(used, "registers"), shared, memory.Stack, memory.Stores, memory.Loads);
                kernel = null;
            }
        }

        return resources;
    }

    private static int Number(Match match, string group) => int.Parse(match.Groups[group].Value, CultureInfo.InvariantCulture);

    [GeneratedRegex(@"Compiling entry function '(?<name>[^']+)'")]
    private static partial Regex EntryLine();

    [GeneratedRegex(@"(?<stack>\d+) bytes stack frame, (?<stores>\d+) bytes spill stores, (?<loads>\d+) bytes spill loads")]
    private static partial Regex MemoryLine();

    [GeneratedRegex(@"Used (?<registers>\d+) registers")]
    private static partial Regex RegisterLine();

    [GeneratedRegex(@"(?<bytes>\d+) bytes smem")]
    private static partial Regex SharedPart();
}
