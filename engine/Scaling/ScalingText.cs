using System;
using System.Globalization;
using System.IO;

namespace GptEngine.Engine.Scaling;

/// <summary>The report for people.</summary>
public static class ScalingText
{
    /// <summary>Writes all of it.</summary>
    public static void Write(ScalingReport report, TextWriter output)
    {
        ArgumentNullException.ThrowIfNull(report);
        ArgumentNullException.ThrowIfNull(output);
        output.WriteLine("A model, not a measurement: no GPU was asked. Assumed:");
        foreach (ScalingAssumption assumption in report.Assumptions)
        {
            output.WriteLine($"  {assumption.Name,-12}{assumption.Value}: {assumption.Source}");
        }

        foreach (ScalingTable table in report.Tables)
        {
            WriteTable(table, output);
        }

        output.WriteLine();
        output.WriteLine("Beside what others measured (efficiency, GPUs over GPUs):");
        foreach (ScalingCheck check in report.Checks)
        {
            string measured = check.MeasuredLow == check.MeasuredHigh ? Text($"{check.MeasuredLow:P1}") : Text($"{check.MeasuredLow:P0} to {check.MeasuredHigh:P0}");
            output.WriteLine(Text($"  {check.Ranks,3} over {check.BaseRanks}  predicted {check.Predicted:P1}, measured {measured}  {check.Name}, {check.MicroSteps} {(check.MicroSteps == 1 ? "micro-step" : "micro-steps")}; {check.Source}"));
        }
    }

    private static void WriteTable(ScalingTable table, TextWriter output)
    {
        output.WriteLine();
        output.WriteLine(Text(
            $"{table.Name}: micro-batch {table.MicroBatch} × {table.ContextLength} tokens in {table.MicroStepSeconds * 1e3:0} ms at {table.Utilisation:P0} of the peak ({table.UtilisationSource})"));
        output.WriteLine($"{"GPUs",6}{"nodes",7}{"ring GB/s",11}{"micro-steps",13}{"tokens/step",13}{"step s",9}{"tokens/s",13}{"waiting ms",12}{"exposed ms",12}{"efficiency",12}{"sharded",9}{"same batch",12}{"sharded",9}");
        foreach (ScalingRow row in table.Rows)
        {
            string ring = double.IsFinite(row.RingGigabytesPerSecond) ? Text($"{row.RingGigabytesPerSecond:0}") : "-";
            output.WriteLine(Text(
                $"{row.Ranks,6}{row.Nodes,7}{ring,11}{row.MicroSteps,13:0}{row.Tokens,13:N0}{row.StepSeconds,9:0.000}{row.TokensPerSecond,13:N0}{row.WaitingSeconds * 1e3,12:0.0}{row.ExposedSeconds * 1e3,12:0.0}{row.Efficiency,12:P1}{row.ShardedEfficiency,9:P1}{Share(row.SameBatchEfficiency),12}{Share(row.SameBatchShardedEfficiency),9}"));
        }

        output.WriteLine(Verdict(table));
    }

    // What has to hold for a whole host to reach 95 %.
    private static string Verdict(ScalingTable table)
    {
        string reaches = Text($"One host at this batch: {table.HostEfficiency:P1}, sharded {table.HostShardedEfficiency:P1}.");
        string jitter = table.JitterFor95 is { } most ? Text($"a micro-step's jitter under {most:P1}") : "no jitter low enough";
        string ring = table.RingFor95 is { } least ? Text($"a ring over {least / 1e9:0} GB/s") : "no ring fast enough";
        return $"{reaches} For 95 % unsharded it takes, each with all else as assumed, {jitter}, or {ring}.";
    }

    private static string Share(double? efficiency) => efficiency is { } value ? Text($"{value:P1}") : "-";

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
