using System;
using System.Collections.Generic;
using System.Globalization;
using System.IO;
using System.Linq;
using GptEngine.Engine.Profiling;
using GptEngine.Kernels.Common.Cuda;
using GptEngine.Kernels.Common.Selection;
using GptEngine.Runtime.Simulator.Counters;

namespace GptEngine.Gpt.Terminal;

/// <summary>A profile's tables, as wide as the terminal.</summary>
internal sealed class ProfileOutput
{
    private const int NarrowestName = 26;
    private const int FiguresWidth = 68;
    private const int CountersWidth = 75;
    private const int WidthElsewhere = 140;
    private const int ListedGaps = 5;
    private const double SectorBytes = 32;

    private static readonly CultureInfo Culture = CultureInfo.InvariantCulture;

    private readonly TextWriter _output;
    private readonly StepProfile _profile;
    private readonly StepTimeline _timeline;
    private readonly double? _plainSeconds;
    private readonly int _width;
    private readonly (string Name, double PerSecond) _rate;
    private readonly (string Name, double PerSecond) _time;

    /// <param name="output">Where to print.</param>
    /// <param name="profile">What to print.</param>
    /// <param name="plainSeconds">The same step without a profile; null where that says nothing.</param>
    public ProfileOutput(TextWriter output, StepProfile profile, double? plainSeconds)
    {
        (_output, _profile, _plainSeconds) = (output, profile, plainSeconds);
        _timeline = new StepTimeline(profile);
        _width = Console.IsOutputRedirected ? WidthElsewhere : Math.Max(80, Console.WindowWidth);
        _rate = profile.FlopsPerSecond >= 2e12 ? ("TFLOP/s", 1e12) : ("GFLOP/s", 1e9);
        _time = _timeline.Seconds >= 1e-3 ? ("ms", 1e3) : ("µs", 1e6);
    }

    /// <summary>Which kernels ran where several could; what the rule takes alone is not shown.</summary>
    public IReadOnlyList<KernelChoice> Choices { get; init; } = [];

    /// <summary>Prints all tables.</summary>
    /// <param name="device">Its name.</param>
    /// <param name="precision">Its name.</param>
    /// <param name="data">What was trained on.</param>
    /// <param name="top">Rows of the table of kernels; 0 for all.</param>
    /// <param name="order">Their order.</param>
    public void Print(string device, string precision, string data, int top, ProfileOrder order)
    {
        _output.WriteLine(string.Create(
            Culture, $"{device}, {precision}: one step of {_profile.Batch.MicroSteps} × {_profile.Batch.MicroBatch} × {_profile.Batch.ContextLength} tokens; {data}"));
        _output.WriteLine(string.Create(
            Culture,
            $"roofline: {_profile.BytesPerSecond / 1e9:N1} GB/s and {_profile.FlopsPerSecond / _rate.PerSecond:N1} {_rate.Name}, {(_profile.IsEstimate ? "by the data sheet" : "measured here by a large copy and a large matrix product")}"));
        _output.WriteLine($"times: {_profile.TimeSource}");
        PrintTimers();
        foreach (KernelChoice choice in Choices.Where(choice => choice.Basis != ChoiceBasis.Rule))
        {
            WrappedText.Write(_output, $"kernels: {choice}");
        }

        IReadOnlyList<ProfileRow> rows = _profile.Rows(order);
        var shown = rows.Take(top == 0 ? rows.Count : top).ToList();
        PrintKernels(shown, rows.Count);
        if (_profile.IsEstimate)
        {
            PrintCounters(shown);
        }

        PrintLayers();
        if (_profile.Collectives.Count > 0)
        {
            new CollectiveOutput(_output, _profile, _width, _time).Print(top);
        }

        PrintStep();
    }

    /// <summary>On a GPU the table's heading says what timed it: by events what is short is told too long.</summary>
    private string Heading => _profile.Timer is "CUPTI" or "events" ? $"kernel or product ({_profile.Timer})" : "kernel or product";

    /// <summary>Why the GPU's own records were not taken, or how they agree with events.</summary>
    private void PrintTimers()
    {
        if (_profile.TimerNote is { } note)
        {
            WrappedText.Write(_output, $"why not CUPTI: {note}");
        }

        if (_profile.Agreement is { } agreement)
        {
            string ratio = agreement.MedianRatio is { } median ? string.Create(Culture, $"; {100 * (median - 1):+0.0;-0.0;0.0}% for those of 100 µs and more") : "";
            _output.WriteLine(string.Create(
                Culture,
                $"timers: {agreement.Launches:N0} launches, {Time(agreement.CuptiSeconds)} {_time.Name} by CUPTI and {Time(agreement.EventSeconds)} by events in another step; a launch by events {1e6 * agreement.MedianExcess:+0.0;-0.0;0.0} µs, median{ratio}"));
        }
    }

    private void PrintKernels(List<ProfileRow> shown, int all)
    {
        int name = NameWidth(shown, FiguresWidth);
        _output.WriteLine();
        _output.WriteLine($"{Cut(Heading, name)} {"calls",6} {_time.Name,9} {"share",6} {"MB",9} {"GFLOP",9} {"GB/s",8} {_rate.Name,8} {"roof",5}");
        foreach (ProfileRow row in shown)
        {
            _output.WriteLine(Line(row, name, ""));
            foreach (ProfileRow kernel in row.Kernels)
            {
                _output.WriteLine(Line(kernel, name, "  "));
            }
        }

        if (shown.Count < all)
        {
            _output.WriteLine(string.Create(Culture, $"… {all - shown.Count} more; --top 0 shows all"));
        }
    }

    private string Line(ProfileRow row, int width, string indent)
    {
        string figures = row is { Cost: { } cost, Seconds: > 0 }
            ? string.Create(
                Culture,
                $"{Figure(cost.Bytes / 1e6),9} {Figure(cost.Flops / 1e9),9} {Figure(cost.Bytes / row.Seconds / 1e9),8} {Figure(cost.Flops / row.Seconds / _rate.PerSecond),8} {RooflineOf(row),5}")
            : "";
        return string.Create(
            Culture, $"{Cut(indent + row.Name, width)} {row.Calls,6} {Time(row.Seconds),9} {Share(row.Seconds),6} {figures}").TrimEnd();
    }

    private string RooflineOf(ProfileRow row) =>
        _profile.IsModelled(row) ? "model" : string.Create(Culture, $"{100 * _profile.Roofline(row):0}%");

    private void PrintCounters(List<ProfileRow> shown)
    {
        int name = NameWidth(shown, CountersWidth);
        _output.WriteLine();
        _output.WriteLine($"{Cut("kernel", name)} {"instr",11} {"lanes",5} {"MB moved",9} {"of least",8} {"s/r ld",6} {"s/r st",6} {"banks",5} {"MFLOP",9} {"tensor",9}");
        foreach (ProfileRow row in shown.SelectMany(row => row.Kernels.Count > 0 ? row.Kernels.Prepend(row) : [row]))
        {
            // A library's instructions are its own and not known.
            if (row.Counters is { } counters)
            {
                _output.WriteLine(CounterLine(row, counters, name));
            }
        }
    }

    private static string CounterLine(ProfileRow row, LaunchCounters counters, int width)
    {
        double moved = SectorBytes * (counters.GlobalLoadSectors + counters.GlobalStoreSectors);
        string ofLeast = row.Cost is { Bytes: > 0 } cost ? string.Create(Culture, $"{moved / cost.Bytes:0.00}×") : "";
        string banks = counters.SharedIdealWavefronts == 0 ? "-" : string.Create(Culture, $"{(double)counters.SharedWavefronts / counters.SharedIdealWavefronts:0.00}");
        long flops = counters.Float32Operations + counters.Float16Operations + counters.Float64Operations;
        return string.Create(
            Culture,
            $"{Cut(row.Name, width)} {counters.WarpInstructions,11:N0} {counters.ActiveLanes,5:0.0} {Figure(moved / 1e6),9} {ofLeast,8} {counters.LoadSectorsPerRequest,6:0.0} {counters.StoreSectorsPerRequest,6:0.0} {banks,5} {Figure(flops / 1e6),9} {Figure(counters.TensorOperations / 1e6),9}");
    }

    private void PrintLayers()
    {
        _output.WriteLine();
        _output.WriteLine($"{$"layer, {_time.Name}",-16} {"forward",11} {"backward",11} {"neither",11} {"share",6}");
        foreach (LayerTimes layer in LayerTimes.Of(_profile))
        {
            _output.WriteLine($"{layer.Name,-16} {Time(layer.Forward),11} {Time(layer.Backward),11} {Time(layer.Other),11} {Share(layer.Seconds),6}");
        }
    }

    private void PrintStep()
    {
        string waiting = _profile.Collectives.Count == 0 ? "" : $"{Time(_timeline.WaitSeconds)} ({Share(_timeline.WaitSeconds)}) of waiting for ranks, ";
        string late = _timeline.HostSeconds is > 0 and { } host ? $", {Time(host)} of them before the host came to what was next" : "";
        _output.WriteLine();
        _output.WriteLine(string.Create(
            Culture,
            $"step: {Time(_timeline.BusySeconds)} {_time.Name} of work, {waiting}{Time(_timeline.IdleSeconds)} ({Share(_timeline.IdleSeconds)}) of gaps between{late}"));
        if (_plainSeconds is { } plain)
        {
            _output.WriteLine(string.Create(Culture, $"without a profile, as gpt train makes it: {Time(plain)} {_time.Name}, median of several"));
        }

        foreach (TimelineGap gap in _timeline.Gaps.Take(ListedGaps))
        {
            _output.WriteLine(string.Create(Culture, $"  gap of {1e6 * gap.Seconds,8:N1} µs between {gap.Before} and {gap.After}{(gap.HostSeconds > gap.Seconds / 2 ? ", for the host" : "")}"));
        }

        _output.WriteLine();
        WrappedText.Write(_output, string.Concat(Explanation()));
    }

    private IEnumerable<string> Explanation()
    {
        yield return "MB, GFLOP: the least to move and compute, by each one's own statement; kernels that share a statement stand indented under it. roof: the least " +
            "time by the roofline over the time; above 100% where caches serve what memory need not.";
        if (_profile.IsEstimate)
        {
            yield return " model: a library's or the driver's own work, of which nothing is counted; its time is the roofline for what it states. " +
                $"{GpuOperations.ProductsVariable}=own counts products by our own kernel on the plain units.";
        }

        if (_profile.Collectives.Count == 0)
        {
            yield break;
        }

        yield return " MB sent: by each rank, where ranks stand in a ring.";
        yield return _profile.IsEstimate
            ? " Collectives take the least that the links' data sheet allows for it, each from when the work and the collective before it are done: no latency, no rank that is late."
            : " GB/s bus: these over the time, in which a collective waits for ranks that come later too.";
    }

    private int NameWidth(List<ProfileRow> rows, int figures)
    {
        int longest = rows.SelectMany(row => row.Kernels.Select(kernel => kernel.Name.Length + 2).Append(row.Name.Length)).DefaultIfEmpty(0).Max();
        return Math.Clamp(longest, NarrowestName, Math.Max(NarrowestName, _width - figures - 1));
    }

    private string Share(double seconds) =>
        _timeline.Seconds > 0 ? string.Create(Culture, $"{100 * seconds / _timeline.Seconds:0.0}%") : "-";

    private string Time(double seconds) => seconds > 0 ? Figure(seconds * _time.PerSecond) : "-";

    // Three figures or more: kilobytes and gigabytes stand in one column.
    internal static string Figure(double value) => value switch
    {
        0 => "0",
        >= 100 => value.ToString("N0", Culture),
        >= 10 => value.ToString("0.0", Culture),
        >= 1 => value.ToString("0.00", Culture),
        _ => value.ToString("0.0000", Culture),
    };

    internal static string Cut(string text, int width) => text.Length <= width ? text.PadRight(width) : $"{text.AsSpan(0, width - 1)}…";
}
