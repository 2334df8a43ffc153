using System;
using System.Collections.Generic;
using System.IO;
using System.Runtime.InteropServices;

namespace GptEngine.Runtime.Launching;

/// <summary>Which processors the calling thread, and with it every process that it starts, may run on.</summary>
public static unsafe partial class ThreadAffinity
{
    private const int MaskBytes = CpuList.Most / 8;
    private const string OnlineList = "/sys/devices/system/cpu/online";

    /// <summary>The processors allowed now, ascending.</summary>
    public static IReadOnlyList<int> Current
    {
        get
        {
            Span<byte> mask = stackalloc byte[MaskBytes];
            fixed (byte* start = mask)
            {
                if (GetAffinity(0, MaskBytes, start) < 0)
                {
                    throw new InvalidOperationException($"sched_getaffinity failed: {Marshal.GetLastPInvokeErrorMessage()}");
                }
            }

            var processors = new List<int>();
            for (int i = 0; i < CpuList.Most; i++)
            {
                if ((mask[i / 8] & (1 << (i % 8))) != 0)
                {
                    processors.Add(i);
                }
            }

            return processors;
        }
    }

    /// <summary>Processors of the machine that are running, whether this thread may use them or not.</summary>
    public static int Online => File.Exists(OnlineList) ? CpuList.Parse(File.ReadAllText(OnlineList)).Count : Environment.ProcessorCount;

    /// <summary>Allows these processors alone.</summary>
    /// <exception cref="InvalidOperationException">The kernel refuses: none of them may be used.</exception>
    public static void Set(IReadOnlyList<int> processors)
    {
        ArgumentNullException.ThrowIfNull(processors);
        Span<byte> mask = stackalloc byte[MaskBytes];
        mask.Clear();
        foreach (int processor in processors)
        {
            mask[processor / 8] |= (byte)(1 << (processor % 8));
        }

        fixed (byte* start = mask)
        {
            if (SetAffinity(0, MaskBytes, start) != 0)
            {
                throw new InvalidOperationException(
                    $"sched_setaffinity to {CpuList.Format(processors)} failed: {Marshal.GetLastPInvokeErrorMessage()}");
            }
        }
    }

    [LibraryImport("libc", EntryPoint = "sched_getaffinity", SetLastError = true)]
    private static partial int GetAffinity(int thread, nuint bytes, byte* mask);

    [LibraryImport("libc", EntryPoint = "sched_setaffinity", SetLastError = true)]
    private static partial int SetAffinity(int thread, nuint bytes, byte* mask);
}
