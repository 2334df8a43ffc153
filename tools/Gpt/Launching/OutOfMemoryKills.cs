using System;
using System.Globalization;
using System.IO;
using System.Linq;

namespace GptEngine.Gpt.Launching;

/// <summary>Whether the kernel has killed processes for lack of memory since this was made, by its own count.</summary>
internal sealed class OutOfMemoryKills
{
    private const string Counters = "/proc/vmstat";
    private readonly long _before = Count();

    /// <summary>What to say of a process that was killed.</summary>
    public string Explain() => Count() > _before
        ? ", by the kernel for lack of memory: use a smaller micro_batch, or fewer ranks on this host"
        : ", by hand or by a job's limit";

    private static long Count() =>
        File.Exists(Counters)
        && File.ReadLines(Counters).FirstOrDefault(line => line.StartsWith("oom_kill ", StringComparison.Ordinal)) is { } line
        && long.TryParse(line.AsSpan(line.IndexOf(' ', StringComparison.Ordinal)), NumberStyles.AllowLeadingWhite, CultureInfo.InvariantCulture, out long count)
            ? count
            : 0;
}
