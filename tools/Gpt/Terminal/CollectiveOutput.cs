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
internal sealed class CollectiveOutput(TextWriter output, StepProfile profile, int width)
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
        output.WriteLine($"{ProfileOutput.Cut($"collective among {profile.Batch.WorldSize} ranks", name)} {"calls",6} {"MB",9} {"MB sent",9} {"ms",9} {"GB/s bus",9}");
        foreach (CollectiveRow row in shown)
        {
            PrintRow(row, name);
        }

        if (shown.Length < rows.Count)
        {
            output.WriteLine(string.Create(Culture, $"… {rows.Count - shown.Length} more; --top 0 shows all"));
        }

        PrintRow(CollectiveRow.Total(profile), name);
        output.WriteLine(profile.Overlap is { } overlap
            ? Sentence(overlap)
            : "communication: these times are the host's, and the simulated GPU's work has none: what it hides of them is not known");
    }

    private static string Sentence(CommunicationOverlap overlap) => string.Create(
        Culture,
        $"communication: {Milliseconds(overlap.Seconds)} ms, {Milliseconds(overlap.HiddenSeconds)} ({100 * overlap.HiddenShare:0.0}%) hidden behind work, {Milliseconds(overlap.ExposedSeconds)} exposed ({Milliseconds(overlap.WaitedSeconds)} in which work waited for it, the rest in gaps)");

    private static string Milliseconds(double seconds) => ProfileOutput.Figure(1e3 * seconds);

    private void PrintRow(CollectiveRow row, int name) => output.WriteLine(string.Create(
        Culture,
        $"{ProfileOutput.Cut(row.Name, name)} {row.Calls,6} {ProfileOutput.Figure(row.Bytes / 1e6),9} {ProfileOutput.Figure(row.WireBytes / 1e6),9} {Milliseconds(row.Seconds),9} {ProfileOutput.Figure(row.BusBytesPerSecond / 1e9),9}"));
}
