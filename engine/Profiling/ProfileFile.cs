using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Text.Encodings.Web;
using System.Text.Json;
using GptEngine.Runtime.Simulator.Counters;

namespace GptEngine.Engine.Profiling;

/// <summary>A profile's figures as one JSON object.</summary>
public static class ProfileFile
{
    /// <summary>Writes the object.</summary>
    /// <param name="profile">The step.</param>
    /// <param name="heading">Texts that say what was profiled: preset, device, command, versions.</param>
    /// <param name="plainStepSeconds">The same step without a profile, median; null where that says nothing.</param>
    /// <param name="destination">UTF-8 goes here.</param>
    public static void Write(StepProfile profile, IReadOnlyList<(string Name, string? Value)> heading, double? plainStepSeconds, Stream destination)
    {
        ArgumentNullException.ThrowIfNull(profile);
        ArgumentNullException.ThrowIfNull(heading);
        using var writer = new Utf8JsonWriter(destination, new JsonWriterOptions { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, Indented = true });
        writer.WriteStartObject();
        writer.WriteString("kind", "profile");
        foreach ((string name, string? value) in heading)
        {
            writer.WriteString(name, value);
        }

        writer.WriteNumber("micro_batch", profile.Batch.MicroBatch);
        writer.WriteNumber("context_length", profile.Batch.ContextLength);
        writer.WriteNumber("micro_steps", profile.Batch.MicroSteps);
        writer.WriteString("time_source", profile.TimeSource);
        writer.WriteString("timer", profile.Timer);
        writer.WriteString("timer_note", profile.TimerNote);
        if (profile.Agreement is { } agreement)
        {
            WriteAgreement(writer, agreement);
        }

        writer.WriteBoolean("is_estimate", profile.IsEstimate);
        writer.WriteNumber("roofline_bytes_per_second", profile.BytesPerSecond);
        writer.WriteNumber("roofline_flops_per_second", profile.FlopsPerSecond);
        writer.WriteNumber("world_size", profile.Batch.WorldSize);
        WriteTimeline(writer, profile, plainStepSeconds);
        if (profile.Collectives.Count > 0)
        {
            WriteCommunication(writer, profile);
        }

        writer.WriteStartArray("kernels");
        foreach (ProfileRow row in profile.Rows())
        {
            WriteRow(writer, profile, row);
        }

        writer.WriteEndArray();
        writer.WriteStartArray("layers");
        foreach (LayerTimes layer in LayerTimes.Of(profile))
        {
            writer.WriteStartObject();
            writer.WriteString("name", layer.Name);
            writer.WriteNumber("forward_seconds", layer.Forward);
            writer.WriteNumber("backward_seconds", layer.Backward);
            writer.WriteNumber("other_seconds", layer.Other);
            writer.WriteEndObject();
        }

        writer.WriteEndArray();
        writer.WriteEndObject();
    }

    private static void WriteAgreement(Utf8JsonWriter writer, TimerAgreement agreement)
    {
        writer.WriteStartObject("timer_agreement");
        writer.WriteNumber("launches", agreement.Launches);
        writer.WriteNumber("cupti_seconds", agreement.CuptiSeconds);
        writer.WriteNumber("event_seconds", agreement.EventSeconds);
        writer.WriteNumber("median_excess_seconds", agreement.MedianExcess);
        WriteNullable(writer, "median_ratio_of_long_launches", agreement.MedianRatio);
        writer.WriteEndObject();
    }

    private static void WriteTimeline(Utf8JsonWriter writer, StepProfile profile, double? plainStepSeconds)
    {
        var timeline = new StepTimeline(profile);
        writer.WriteStartObject("step_seconds");
        writer.WriteNumber("busy", timeline.BusySeconds);
        writer.WriteNumber("waiting_for_ranks", timeline.WaitSeconds);
        writer.WriteNumber("gaps", timeline.IdleSeconds);
        WriteNullable(writer, "gaps_for_the_host", timeline.HostSeconds);
        WriteNullable(writer, "without_profile", plainStepSeconds);
        writer.WriteNumber("host", profile.HostSeconds);
        writer.WriteEndObject();
        writer.WriteStartArray("longest_gaps");
        foreach (TimelineGap gap in timeline.Gaps.Take(10))
        {
            writer.WriteStartObject();
            writer.WriteNumber("seconds", gap.Seconds);
            writer.WriteString("before", gap.Before);
            writer.WriteString("after", gap.After);
            WriteNullable(writer, "host_seconds", gap.HostSeconds);
            writer.WriteEndObject();
        }

        writer.WriteEndArray();
    }

    private static void WriteCommunication(Utf8JsonWriter writer, StepProfile profile)
    {
        writer.WriteStartObject("communication");
        CommunicationOverlap? overlap = profile.Overlap;
        WriteCollective(writer, CollectiveRow.Total(profile));
        WriteNullable(writer, "hidden_seconds", overlap?.HiddenSeconds);
        WriteNullable(writer, "exposed_seconds", overlap?.ExposedSeconds);
        WriteNullable(writer, "waited_seconds", overlap?.WaitedSeconds);
        writer.WriteStartArray("collectives");
        foreach (CollectiveRow row in CollectiveRow.Of(profile))
        {
            writer.WriteStartObject();
            writer.WriteString("name", row.Name);
            WriteCollective(writer, row);
            writer.WriteEndObject();
        }

        writer.WriteEndArray();
        writer.WriteEndObject();
    }

    private static void WriteCollective(Utf8JsonWriter writer, CollectiveRow row)
    {
        writer.WriteNumber("calls", row.Calls);
        writer.WriteNumber("bytes", row.Bytes);
        writer.WriteNumber("wire_bytes", row.WireBytes);
        writer.WriteNumber("seconds", row.Seconds);
        writer.WriteNumber("bus_bytes_per_second", row.BusBytesPerSecond);
    }

    private static void WriteRow(Utf8JsonWriter writer, StepProfile profile, ProfileRow row)
    {
        writer.WriteStartObject();
        writer.WriteString("name", row.Name);
        writer.WriteString("operation", row.Operation);
        writer.WriteNumber("calls", row.Calls);
        writer.WriteNumber("seconds", row.Seconds);
        WriteNullable(writer, "bytes", row.Cost?.Bytes);
        WriteNullable(writer, "flops", row.Cost?.Flops);
        bool isModelled = profile.IsModelled(row);
        WriteNullable(writer, "roofline", row.Cost is null || row.Seconds == 0 || isModelled ? null : profile.Roofline(row));
        if (isModelled)
        {
            writer.WriteBoolean("modelled", true);
        }

        if (row.Recorded is { Shape: { } shape } recorded)
        {
            writer.WriteNumber("registers", recorded.Registers);
            writer.WriteNumber("static_shared_bytes", recorded.StaticSharedBytes);
            writer.WriteNumber("dynamic_shared_bytes", shape.SharedBytes);
            writer.WriteNumber("local_bytes", recorded.LocalBytes);
        }

        if (row.Counters is { } counters)
        {
            WriteCounters(writer, counters);
        }

        if (row.Kernels.Count > 0)
        {
            writer.WriteStartArray("kernels");
            foreach (ProfileRow kernel in row.Kernels)
            {
                WriteRow(writer, profile, kernel);
            }

            writer.WriteEndArray();
        }

        writer.WriteEndObject();
    }

    private static void WriteCounters(Utf8JsonWriter writer, LaunchCounters counters)
    {
        writer.WriteStartObject("counters");
        writer.WriteNumber("warp_instructions", counters.WarpInstructions);
        writer.WriteNumber("active_lanes", counters.ActiveLanes);
        writer.WriteNumber("global_load_sectors", counters.GlobalLoadSectors);
        writer.WriteNumber("global_store_sectors", counters.GlobalStoreSectors);
        writer.WriteNumber("global_load_bytes", counters.GlobalLoadBytes);
        writer.WriteNumber("global_store_bytes", counters.GlobalStoreBytes);
        writer.WriteNumber("shared_wavefronts", counters.SharedWavefronts);
        writer.WriteNumber("shared_ideal_wavefronts", counters.SharedIdealWavefronts);
        writer.WriteNumber("float32_operations", counters.Float32Operations);
        writer.WriteNumber("tensor_operations", counters.TensorOperations);
        writer.WriteEndObject();
    }

    private static void WriteNullable(Utf8JsonWriter writer, string name, double? value)
    {
        if (value is { } number)
        {
            writer.WriteNumber(name, number);
        }
        else
        {
            writer.WriteNull(name);
        }
    }
}
