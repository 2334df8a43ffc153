using System;
using System.Collections.Generic;
using System.Globalization;
using System.IO;
using System.Linq;
using GptEngine.Engine.Benchmarking;
using GptEngine.Engine.Configuration;
using GptEngine.Engine.Model;

namespace GptEngine.Gpt.Terminal;

/// <summary>A benchmark's rows as a table for people, and as a line of JSON each where asked for.</summary>
internal sealed class BenchOutput : IDisposable
{
    private const double Gibibyte = 1L << 30;

    private static readonly CultureInfo Culture = CultureInfo.InvariantCulture;

    private readonly TextWriter _table;
    private readonly TextWriter? _json;
    private readonly bool _isHardware;
    private readonly StatusLine _status = new(Console.Error);
    private string _heading = "";
    private (string Name, double PerTera) _unit;
    private IReadOnlyDictionary<string, long>? _plan;
    private bool _isOnDeviceMemory;

    /// <param name="json">A file, <c>-</c> for standard output, or null for none.</param>
    /// <param name="isHardware">False on a simulated GPU.</param>
    /// <param name="isFirst">Whether this is rank 0, the one that tells.</param>
    public BenchOutput(string? json, bool isHardware, bool isFirst)
    {
        _isHardware = isHardware;
        json = isFirst ? json : null;
        // Who asks for JSON there wants nothing else there.
        _table = !isFirst ? TextWriter.Null : json == "-" ? Console.Error : Console.Out;
        _json = JsonLines.Open(json);
    }

    /// <summary>Whether a row has been added.</summary>
    public bool HasRows { get; private set; }

    /// <summary>Says what runs now.</summary>
    public void Begin(BenchCase benchmark)
    {
        TrainingConfiguration training = benchmark.Configuration.Training;
        _status.Show(() => string.Create(
            Culture, $"micro-batch {training.MicroBatch ?? training.BatchSize} × {benchmark.Configuration.Model.ContextLength}, {EnumNames.Of(training.Precision)} …"));
    }

    /// <summary>A row is done.</summary>
    public void Add(BenchRecord record)
    {
        _status.Clear();
        PrintHeading(record);
        _table.WriteLine(Row(record));
        _table.Flush();
        _json?.WriteLine(record.ToJson());
        _json?.Flush();
        HasRows = true;
        _plan = record.MemoryBytes.Planned ?? _plan;
    }

    /// <summary>What the columns mean.</summary>
    public void Finish()
    {
        _table.WriteLine();
        if (_plan is not null)
        {
            string parts = string.Join(", ", _plan.Select(part => string.Create(Culture, $"{part.Key} {part.Value / Gibibyte:0.000}")));
            WrappedText.Write(_table, string.Create(Culture, $"Memory plan of the last row, GiB: {parts}; in all {_plan.Values.Sum() / Gibibyte:0.000}."));
        }

        WrappedText.Write(
            _table,
            $"FLOPs: {ModelFlops.Convention}. mfu: of the dense rate by the data sheet; mfu*: of the rate of a large matrix product measured here; " +
            "-: not known. n: micro-steps a step. ms a step: median; p10/p90: how far the 10th and 90th percentile lie from it. GiB: " +
            $"{(_isOnDeviceMemory ? "device memory in use" : "most memory that the process had resident so far")}. first: seconds to the first step " +
            "done, from the process's start in the first row, from the row's own below. loss: of the last step.");
        if (!_isHardware)
        {
            _table.WriteLine("On a simulated GPU time is the host's and says nothing of a GPU.");
        }
    }

    public void Dispose()
    {
        _status.Dispose();
        if (_json is not null && !ReferenceEquals(_json, Console.Out))
        {
            _json.Dispose();
        }
    }

    private void PrintHeading(BenchRecord record)
    {
        _unit = (record.PeakTflopsDatasheet ?? record.PeakTflopsMeasured ?? record.Tflops) >= 2 ? ("TFLOP/s", 1) : ("GFLOP/s", 1e3);
        string heading = string.Create(
            Culture,
            $"{Ranks(record)}{record.Device}, {EnumNames.Of(record.Precision)}: data sheet {Rate(record.PeakTflopsDatasheet)}, measured {Rate(record.PeakTflopsMeasured)}");
        if (!HasRows)
        {
            ModelConfiguration m = record.Model;
            _isOnDeviceMemory = record.MemoryBytes.ProcessPeak is null;
            _table.WriteLine(string.Create(
                Culture, $"{record.Preset ?? "model"}: {record.Parameters:N0} parameters, d_model {m.DModel}, {m.NLayers} layers, {m.NHeads} heads, vocabulary {m.VocabSize:N0}"));
            _table.WriteLine($"{record.Data}; document mask {(m.DocumentMask ? "on" : "off")}");
            _table.WriteLine(string.Join(", ", record.Versions.Select(version => $"{version.Key} {version.Value}")));
        }

        if (heading != _heading)
        {
            _heading = heading;
            _table.WriteLine();
            WrappedText.Write(_table, heading);
            _table.WriteLine($"{"batch × context × n",19} {"ms a step",10} {"p10/p90",9} {"tokens/s",10} {_unit.Name,8} {"mfu",6} {"mfu*",6} {"GiB",7} {"first",6} {"loss",7}");
        }
    }

    private string Row(BenchRecord record)
    {
        string shape = string.Create(Culture, $"{record.MicroBatch} × {record.ContextLength} × {record.MicroSteps}");
        if (record is not { StepSeconds: { } step, TokensPerSecond: { } tokens, Tflops: { } tflops })
        {
            return $"{shape,19} {record.Status}: {record.Error}";
        }

        double gibibytes = (record.MemoryBytes.ProcessPeak ?? record.MemoryBytes.DeviceInUse ?? 0) / Gibibyte;
        return string.Create(
            Culture,
            $"{shape,19} {1e3 * step.Median,10:N2} {Spread(step),9} {tokens,10:N0} {tflops * _unit.PerTera,8:N1} {Percent(record.MfuDatasheet),6} {Percent(record.MfuMeasured),6} {gibibytes,7:0.00} {record.SecondsToFirstStep,6:0.0} {record.Loss,7:0.0000}");
    }

    private static string Ranks(BenchRecord record) => record.Transport is { } transport
        ? string.Create(Culture, $"{record.WorldSize} ranks over {transport}, each ")
        : "";

    private string Rate(double? tflops) => tflops is { } rate ? string.Create(Culture, $"{rate * _unit.PerTera:N1} {_unit.Name}") : "not known";

    private static string Spread(in Quantiles step) => $"-{Few(1 - (step.P10 / step.Median))}/+{Few((step.P90 / step.Median) - 1)}%";

    // Of a percentage from ten up decimals say nothing here, and beyond a thousand the number does not either.
    private static string Few(double part) => (100 * Math.Min(part, 9.99)) switch
    {
        var percent and < 9.95 => percent.ToString("0.0", Culture),
        var percent => percent.ToString("0", Culture),
    };

    private static string Percent(double? part) => part is { } share ? string.Create(Culture, $"{100 * share:0.0}%") : "-";
}
