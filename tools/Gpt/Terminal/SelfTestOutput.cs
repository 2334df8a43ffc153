using System;
using System.Collections.Generic;
using System.Globalization;
using System.IO;
using System.Linq;
using GptEngine.Engine.Configuration;
using GptEngine.Engine.SelfTesting;
using GptEngine.Runtime;

namespace GptEngine.Gpt.Terminal;

/// <summary>
/// A self-test's rows: a line each operation and precision with the case that came closest to its bound, a line each case that failed, then
/// the losses side by side and the verdict. Lines are plain, so that they can be searched.
/// </summary>
internal sealed class SelfTestOutput : IDisposable
{
    private static readonly CultureInfo Culture = CultureInfo.InvariantCulture;

    private readonly TextWriter _output = Console.Out;
    private readonly StatusLine _status = new(Console.Error);
    private readonly SelfTestPlan _plan;
    private readonly bool _isEveryCase;
    private readonly string _device;
    private readonly SelfTestFile? _file;
    private readonly List<SelfTestRow> _rows = [];
    private readonly List<SelfTestRow> _group = [];

    /// <param name="device">Under test, for people.</param>
    /// <param name="plan">What is run.</param>
    /// <param name="isEveryCase">Whether every case gets a line.</param>
    /// <param name="json">A file for every case, or null.</param>
    public SelfTestOutput(string device, SelfTestPlan plan, bool isEveryCase, string? json)
    {
        (_device, _plan, _isEveryCase) = (device, plan, isEveryCase);
        _file = json is null ? null : new SelfTestFile(json);
        _output.WriteLine($"{device}, gpt {ProgramVersions.Program}, seed {plan.Seed.ToString(Culture)}");
        _output.WriteLine();
        _output.WriteLine($"{"part",-11}{"precision",-10}{"what",-36}{"cases",6}{"error",10}{"allowed",10}  verdict");
    }

    /// <summary>How many rows there are.</summary>
    public int Rows => _rows.Count;

    /// <summary>A case is done.</summary>
    public void Add(SelfTestRow row)
    {
        _rows.Add(row);
        if (_isEveryCase)
        {
            Print(row, row.Shape.Length == 0 ? row.Name : $"{row.Name} {row.Shape}", 1);
            return;
        }

        if (_group.Count > 0 && (_group[0].Part, _group[0].Precision, _group[0].Group) != (row.Part, row.Precision, row.Group))
        {
            PrintGroup();
        }

        _group.Add(row);

        // A log has the groups' own lines.
        if (_status.IsTerminal)
        {
            _status.Show(() => $"{row.Part} {EnumNames.Of(row.Precision)} {row.Name} {row.Shape}");
        }
    }

    /// <summary>Prints the losses and the verdict, and writes the file.</summary>
    public ExitCode Finish(IReadOnlyList<(string Name, IReadOnlyList<float> Losses)> losses, TimeSpan elapsed)
    {
        PrintGroup();
        PrintLosses(losses);
        int failed = _rows.Count(row => !row.Passes);
        _output.WriteLine();
        if (_plan.LeftOut.Length > 0)
        {
            WrappedText.Write(_output, _plan.LeftOut);
        }

        _output.WriteLine(string.Create(
            Culture,
            $"{_rows.Count} cases in {elapsed.TotalSeconds:0.0} s: {(failed == 0 ? "all as they must be." : $"{failed} FAILED; 'gpt selftest --all --filter WORDS' runs some of them alone.")}"));
        _file?.Write(_device, _plan, _rows, losses, elapsed);
        return failed == 0 ? ExitCode.Success : ExitCode.Failed;
    }

    public void Dispose()
    {
        _status.Dispose();
        _file?.Dispose();
    }

    private void PrintGroup()
    {
        if (_group.Count == 0)
        {
            return;
        }

        _status.Clear();
        SelfTestRow worst = _group.Where(row => row.Passes).MaxBy(row => row.Ratio) ?? _group[0];
        if (worst.Passes)
        {
            bool isNamed = worst.Shape.Length > 0 && (worst.Ratio > 0 || _group.Count == 1);
            string note = isNamed ? string.Join(", ", new[] { worst.Note, worst.Shape }.Where(text => text.Length > 0)) : worst.Ratio > 0 || _group.Count == 1 ? worst.Note : "";
            Print(worst with { Note = note }, _group.Count == 1 ? worst.Name : worst.Group, _group.Count(row => row.Passes));
        }

        foreach (SelfTestRow row in _group.Where(row => !row.Passes))
        {
            Print(row, $"{row.Name} {row.Shape}", 1);
        }

        _group.Clear();
    }

    private void Print(SelfTestRow row, string title, int cases)
    {
        string note = row.Note.Length == 0 ? "" : $"  {Printable.Of(row.Note)}";
        _output.WriteLine(string.Create(
            Culture, $"{row.Part,-11}{EnumNames.Of(row.Precision),-10}{title,-36}{cases,6}{Number(row.Error),10}{Number(row.Bound),10}  {(row.Passes ? "ok" : "FAILED")}{note}"));
        _output.Flush();
    }

    private void PrintLosses(IReadOnlyList<(string Name, IReadOnlyList<float> Losses)> losses)
    {
        if (losses.Count == 0)
        {
            return;
        }

        _output.WriteLine();
        _output.WriteLine($"{"loss of step",-14}{string.Concat(losses.Select(run => $"{run.Name,11}"))}");
        for (int step = 0; step < losses[0].Losses.Count; step++)
        {
            string values = string.Concat(losses.Select(run => step < run.Losses.Count ? string.Create(Culture, $"{run.Losses[step],11:0.000000}") : $"{"-",11}"));
            _output.WriteLine(string.Create(Culture, $"{step + 1,-14}{values}"));
        }
    }

    private static string Number(double? value) => value is { } number ? number == 0 ? "0" : number.ToString("0.0e-00", Culture) : "";
}
