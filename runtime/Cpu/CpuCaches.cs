using System;
using System.Globalization;
using System.IO;

namespace GptEngine.Runtime.Cpu;

/// <summary>The processor's caches, as Linux says them.</summary>
public static class CpuCaches
{
    private const string Folder = "/sys/devices/system/cpu/cpu0/cache";

    /// <summary>Bytes of the largest cache that the first processor has a share in; 0 where the system does not say.</summary>
    public static long LastLevelBytes { get; } = ReadLargest(Folder);

    internal static long ReadLargest(string folder)
    {
        long largest = 0;
        if (!Directory.Exists(folder))
        {
            return largest;
        }

        foreach (string index in Directory.EnumerateDirectories(folder, "index*"))
        {
            string file = Path.Combine(index, "size");
            if (File.Exists(file))
            {
                largest = Math.Max(largest, Parse(File.ReadAllText(file).Trim()));
            }
        }

        return largest;
    }

    // "32768K" or "32M"; what is written otherwise says nothing.
    private static long Parse(string size)
    {
        int shift = size.Length == 0 ? 0 : size[^1] switch { 'K' => 10, 'M' => 20, _ => 0 };
        return shift > 0 && long.TryParse(size.AsSpan(0, size.Length - 1), NumberStyles.None, CultureInfo.InvariantCulture, out long value) && value < 1 << 20
            ? value << shift
            : 0;
    }
}
