using System;
using System.Collections.Generic;
using System.Globalization;
using System.IO;
using System.Linq;
using GptEngine.Engine.Benchmarking;
using GptEngine.Gpt.Commands;
using GptEngine.Kernels.Benchmarks;
using GptEngine.Kernels.Common.Cuda;
using GptEngine.Runtime.Memory;

namespace GptEngine.Gpt.Terminal;

/// <summary>The rows of the kernel benchmarks as a table for people, and as a line of JSON each where asked for.</summary>
/// <param name="json">A file, <c>-</c> for standard output, or null for none.</param>
internal sealed class KernelBenchOutput(string? json) : IDisposable
{
    private const double Micro = 1e6;
    private const double Kibibyte = 1024;
    private const int NameWidth = 22;
    private const int SizesWidth = 58;

    private static readonly CultureInfo Culture = CultureInfo.InvariantCulture;

    // Who asks for JSON on standard output wants nothing else there.
    private readonly TextWriter _table = json == "-" ? Console.Error : Console.Out;
    private readonly TextWriter? _json = JsonLines.Open(json);
    private readonly StatusLine _status = new(Console.Error);
    private bool _isSimulated;
    private bool _hasProducts;
    private int _announced;
    private int _cases;
    private int _withoutMemory;

    /// <summary>Rows so far.</summary>
    public int Count { get; private set; }

    /// <summary>Cases that could not run for another reason than memory.</summary>
    public int Failures { get; private set; }

    /// <summary>Of the GPU that was last begun with, as 70; 0 for none.</summary>
    public int Architecture { get; private set; }

    /// <summary>A device and type begin.</summary>
    /// <param name="context">Which.</param>
    /// <param name="cases">How many cases there are.</param>
    /// <param name="absent">Operations asked for that have no case here.</param>
    public void Begin(KernelBenchContext context, int cases, IEnumerable<string> absent)
    {
        (_cases, _announced, _isSimulated, Architecture) = (cases, 0, context.Device == "sim", context.Architecture);
        _hasProducts = context.HasProducts;
        string[] without = [.. absent.Order(StringComparer.Ordinal)];
        _status.Clear();
        _table.WriteLine();
        _table.WriteLine(string.Create(
            Culture,
            $"{context.DeviceName}, {context.Type.ShortName()}: {(_isSimulated ? "by the data sheet" : "measured")} {context.CopyRate / 1e9:N1} GB/s copied, {context.MatrixRate / 1e12:N2} TFLOP/s in matrix products{(_isSimulated ? "" : $"; operands rotate beyond {context.CacheBytes / Kibibyte / Kibibyte:N0} MiB of cache")}"));
        if (without.Length > 0)
        {
            _table.WriteLine($"no cases on this device in this type: {string.Join(", ", without)}");
        }

        if (cases > 0)
        {
            _table.WriteLine(_isSimulated
                ? $"{"operation",-NameWidth} {"sizes",-SizesWidth} {"launches",8} {"instr",10} {"lanes",5} {"KiB",10} {"least",7} {"banks",6} {"MFLOP",9} {"tensor",9} {"roofline",10} {"floor",10}"
                : $"{"operation",-NameWidth} {"sizes",-SizesWidth} {"µs",10} {"p10/p90",11} {"floor",10} {"of it",7} {"GB/s",8} {"TFLOP/s",8}");
        }
    }

    /// <summary>A case begins.</summary>
    public void Announce(OperationCase test)
    {
        _announced++;
        _status.Show(() => string.Create(Culture, $"{_announced}/{_cases} {test} …"));
    }

    /// <summary>A row is done.</summary>
    public void Add(KernelBenchRecord record)
    {
        _status.Clear();
        _table.WriteLine(record.Counters is { } counters ? Row(record, counters) : Row(record, record.Seconds!.Value));
        _table.Flush();
        _json?.WriteLine(record.ToJson());
        _json?.Flush();
        Count++;
    }

    /// <summary>A case that did not fit into memory, or failed.</summary>
    public void LeaveOut(OperationCase test, string reason, bool isFailure)
    {
        _status.Clear();
        (Failures, _withoutMemory) = isFailure ? (Failures + 1, _withoutMemory) : (Failures, _withoutMemory + 1);
        _table.WriteLine($"{test.Operation,-NameWidth} {test.Sizes,-SizesWidth} {(isFailure ? "FAILED" : "left out")}: {reason}");
    }

    public void Say(string text)
    {
        _status.Clear();
        _table.WriteLine(text);
    }

    /// <summary>What the columns mean.</summary>
    public void Finish()
    {
        _status.Clear();
        _table.WriteLine();
        if (_isSimulated)
        {
            _table.WriteLine("A simulated GPU has no time of its own: these are counters of one call on small shapes. KiB: sectors touched; least: over what must be");
            _table.WriteLine("moved; banks: shared-memory passes over the fewest; roofline: least µs by the data sheet for what was counted; floor: for what is least.");
            _table.WriteLine(_hasProducts
                ? "Matrix products are our own kernel's, on the plain units; on a GPU they are cuBLASLt's."
                : $"Matrix products are the library's, for which the simulated GPU has a stand-in without counters: linear layers and the head are left out.\n{GpuOperations.ProductsVariable}=own counts our own kernel's in their place.");
        }
        else
        {
            _table.WriteLine("µs a call: median; p10/p90: how far the 10th and 90th percentile lie from it. floor: the longer of least bytes over the copy rate and");
            _table.WriteLine("operations over the matrix rate; of it: floor over median, 100% being as fast as the machine can.");
        }

        if (_withoutMemory + Failures > 0)
        {
            _table.WriteLine(string.Create(Culture, $"Left out for want of memory: {_withoutMemory}. Failed: {Failures}."));
        }
    }

    public void Dispose()
    {
        _status.Dispose();
        if (!ReferenceEquals(_json, Console.Out))
        {
            _json?.Dispose();
        }
    }

    private static string Row(KernelBenchRecord record, Quantiles seconds)
    {
        string spread = string.Create(Culture, $"-{100 * (1 - (seconds.P10 / seconds.Median)):0.#}/+{100 * ((seconds.P90 / seconds.Median) - 1):0.#}%");
        return string.Create(
            Culture,
            $"{record.Operation,-NameWidth} {Sizes(record),-SizesWidth} {Micro * seconds.Median,10:N1} {spread,11} {Micro * record.FloorSeconds,10:N1} {100 * record.FloorSeconds / seconds.Median,6:0.0}% {record.Bytes / seconds.Median / 1e9,8:N1} {record.Flops / seconds.Median / 1e12,8:0.000}");
    }

    private static string Row(KernelBenchRecord record, KernelBenchCounters counters) => string.Create(
        Culture,
        $"{record.Operation,-NameWidth} {Sizes(record),-SizesWidth} {counters.Launches,8} {counters.WarpInstructions,10} {counters.ActiveLanes,5:0.0} {counters.GlobalBytes / Kibibyte,10:0.0} {counters.LeastBytesRatio,6:0.00}× {counters.SharedPassesRatio?.ToString("0.00", Culture) ?? "-",6} {counters.FloatOperations / 1e6,9:0.000} {counters.TensorOperations / 1e6,9:0.000} {Micro * record.EstimateSeconds,10:0.000} {Micro * record.FloorSeconds,10:0.000}");

    private static string Sizes(KernelBenchRecord record) => string.Join(' ', record.Shape.Select(size => $"{size.Key}={size.Value}"));
}
