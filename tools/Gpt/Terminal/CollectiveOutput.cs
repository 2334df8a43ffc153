using System;
using System.Collections.Generic;
using System.Globalization;
using System.IO;
using System.Linq;
using GptEngine.Engine.Profiling;

namespace GptEngine.Gpt.Terminal;

/// <summary>A profile's table of collectives, and what of them the device's work hides.</summary>
/// <param name="output">Where to print.</param>
/// <param name="profile">What to print; it has collectives.</param>
/// <param name="width">Of the terminal.</param>
/// <param name="time">The unit of times.</param>
internal sealed class CollectiveOutput(TextWriter output, StepProfile profile, int width, (string Name, double PerSecond) time)
{
    private const int NarrowestName = 24;
    private const int FiguresWidth = 48;

    private static readonly CultureInfo Culture = CultureInfo.InvariantCulture;

    /// <summary>Prints the table.</summary>
    /// <param name="top">Its rows; 0 for all.</param>
    public void Print(int top)
    {
        IReadOnlyList<CollectiveRow> rows = CollectiveRow.Of(profile);
        CollectiveRow[] shown = [.. rows.Take(top == 0 ? rows.Count : top)];
        int name = Math.Clamp(shown.Select(row => row.Name.Length).DefaultIfEmpty(0).Max(), NarrowestName, Math.Max(NarrowestName, width - FiguresWidth - 1));
        output.WriteLine();
        output.WriteLine($"{ProfileOutput.Cut($"collective among {profile.Batch.WorldSize} ranks", name)} {"calls",6} {"MB",9} {"MB sent",9} {time.Name,9} {"GB/s bus",9}");
        foreach (CollectiveRow row in shown)
        {
            PrintRow(row, name);
        }

        if (shown.Length < rows.Count)
        {
            output.WriteLine(string.Create(Culture, $"… {rows.Count - shown.Length} more; --top 0 shows all"));
        }

        PrintRow(CollectiveRow.Total(profile), name);
        if (profile.Overlap is { } overlap)
        {
            output.WriteLine(Sentence(overlap));
        }
    }

    private string Sentence(CommunicationOverlap overlap) => string.Create(
        Culture,
        $"communication{(profile.IsEstimate ? ", by model" : "")}: {Time(overlap.Seconds)} {time.Name}, {Time(overlap.HiddenSeconds)} ({100 * overlap.HiddenShare:0.0}%) hidden behind work, {Time(overlap.ExposedSeconds)} exposed ({Time(overlap.WaitedSeconds)} in which work waited for it, the rest in gaps)");

    private string Time(double seconds) => ProfileOutput.Figure(time.PerSecond * seconds);

    // What a model takes as given is no result.
    private void PrintRow(CollectiveRow row, int name) => output.WriteLine(string.Create(
        Culture,
        $"{ProfileOutput.Cut(row.Name, name)} {row.Calls,6} {ProfileOutput.Figure(row.Bytes / 1e6),9} {ProfileOutput.Figure(row.WireBytes / 1e6),9} {Time(row.Seconds),9} {(profile.IsEstimate ? "model" : ProfileOutput.Figure(row.BusBytesPerSecond / 1e9)),9}"));
}
