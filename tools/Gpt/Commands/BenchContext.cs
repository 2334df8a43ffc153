using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Globalization;
using System.Linq;
using GptEngine.Engine.Benchmarking;
using GptEngine.Engine.Configuration;
using GptEngine.Engine.Model;
using GptEngine.Engine.Training;
using GptEngine.Kernels.Common;
using GptEngine.Runtime.Devices;

namespace GptEngine.Gpt.Commands;

/// <summary>What rows of one precision share, and how a measurement becomes a record.</summary>
/// <param name="device">Where they run.</param>
/// <param name="datasheet">FLOP/s by the data sheet; null where not known.</param>
/// <param name="preset">Its name, if one was given.</param>
/// <param name="transport">What joins the ranks; null for a process alone.</param>
internal sealed class BenchContext(Device device, double? datasheet, string? preset, string? transport)
{
    private readonly IReadOnlyDictionary<string, string> _versions = ProgramVersions.Of(device);
    private double? _measured;
    private bool _isMeasured;

    /// <summary>Whether a record has been made here.</summary>
    public bool HasRow { get; private set; }

    /// <summary>Measures the device's matrix rate, once.</summary>
    /// <param name="operations">In the rows' precision.</param>
    /// <param name="isMeasurable">False on a simulated GPU, whose time says nothing.</param>
    public void MeasurePeak(IOperations operations, bool isMeasurable)
    {
        if (!_isMeasured)
        {
            _measured = isMeasurable ? Measure(operations) : null;
            _isMeasured = true;
        }
    }

    // The row is done and counts, even where other programs have left no memory for a large product.
    private static double? Measure(IOperations operations)
    {
        try
        {
            return MachinePeaks.MeasureFlops(operations);
        }
        catch (Exception e) when (TrainingBenchmark.IsOutOfMemory(e))
        {
            return null;
        }
    }

    /// <summary>A row's record.</summary>
    /// <param name="benchmark">What was run.</param>
    /// <param name="measured">What came of it; null where memory did not suffice.</param>
    /// <param name="error">Why not.</param>
    /// <param name="started">When the row began, by <see cref="Stopwatch.GetTimestamp"/>.</param>
    /// <param name="isFirst">Whether it is the process's first, whose time to the first step counts from the process's start.</param>
    public BenchRecord Record(BenchCase benchmark, BenchMeasurement? measured, string? error, long started, bool isFirst)
    {
        HasRow = true;
        RunConfiguration configuration = benchmark.Configuration;
        BatchPlan batch = measured?.Batch ?? BatchPlan.Resolve(configuration.Training, configuration.Model.ContextLength, benchmark.WorldSize);
        double flopsPerToken = ModelFlops.PerToken(configuration.Model);
        double? tokensPerSecond = measured is null ? null : batch.AccBatchSize / measured.StepSeconds.Median;
        double? flops = tokensPerSecond * flopsPerToken;

        // Ranks are alike: what one can do, all can do together as many times over.
        double? sheet = benchmark.WorldSize * datasheet;
        double? peak = benchmark.WorldSize * _measured;
        return new BenchRecord
        {
            Time = DateTime.UtcNow.ToString("yyyy-MM-ddTHH:mm:ssZ", CultureInfo.InvariantCulture),
            Preset = preset,
            Model = configuration.Model,
            Parameters = new ParameterCatalogue(configuration.Model).ParameterCount,
            MicroBatch = batch.MicroBatch,
            MicroSteps = batch.MicroSteps,
            TokensPerStep = batch.AccBatchSize,
            ContextLength = batch.ContextLength,
            Precision = configuration.Training.Precision,
            WorldSize = batch.WorldSize,
            Device = device.Name,
            Transport = transport,
            Status = measured is null ? "out of memory" : "ok",
            Error = error,
            StepSeconds = measured?.StepSeconds,
            Steps = measured?.Steps ?? 0,
            Warmup = benchmark.Warmup,
            TokensPerSecond = tokensPerSecond,
            Tflops = flops / 1e12,
            MfuDatasheet = flops / sheet,
            MfuMeasured = flops / peak,
            PeakTflopsDatasheet = sheet / 1e12,
            PeakTflopsMeasured = peak / 1e12,
            FlopsPerToken = flopsPerToken,
            FlopsConvention = ModelFlops.Convention,
            MemoryBytes = Memory(measured),
            SecondsToFirstStep = measured is null ? null : FirstStepSeconds(measured.FirstStepTimestamp, started, isFirst),
            Loss = measured is { Loss: var loss } && double.IsFinite(loss) ? loss : null,
            Data = benchmark.Documents,
            Versions = _versions,
            Command = string.Join(' ', Environment.GetCommandLineArgs().Skip(1).Prepend("gpt")),
        };
    }

    private BenchMemory Memory(BenchMeasurement? measured) => new(
        measured?.PlannedBytes.ToDictionary(pair => pair.Key.ToString().ToLowerInvariant(), pair => pair.Value),
        measured?.PlannedBytes.Values.Sum(),
        measured?.DeviceBytes,
        device.MemoryInfo is null ? Process.GetCurrentProcess().PeakWorkingSet64 : null);

    private static double FirstStepSeconds(long firstStep, long started, bool isFirst)
    {
        if (!isFirst)
        {
            return Stopwatch.GetElapsedTime(started, firstStep).TotalSeconds;
        }

        using var process = Process.GetCurrentProcess();
        return (DateTime.Now - process.StartTime - Stopwatch.GetElapsedTime(firstStep)).TotalSeconds;
    }
}
