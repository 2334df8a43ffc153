using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Text.Encodings.Web;
using System.Text.Json;
using GptEngine.Kernels.Common;
using GptEngine.Kernels.Profiling;
using GptEngine.Runtime.Cuda.Tracing;
using GptEngine.Runtime.Devices;

namespace GptEngine.Engine.Profiling;

/// <summary>
/// A profile as a trace that Perfetto and chrome://tracing open ("Trace Event Format", complete events): a track each for step, micro-steps,
/// passes, layers, parts of layers, operations, what ran on the device's stream, the collectives that ran beside it, and, where the GPU itself
/// recorded what it did, each of its streams with all that ran there. Times are in microseconds and those of the device: a stretch reaches
/// from the beginning of its first piece of work to the end of its last.
/// </summary>
public static class TraceFile
{
    private const int Process = 1;
    private const int OperationTrack = 1 + (int)RangeKind.Communication + 1;
    private const int StreamTrack = OperationTrack + 1;
    private const int CollectiveTrack = StreamTrack + 1;
    private const double Nanoseconds = 1e9;

    private static readonly string[] TrackNames = ["step", "micro-steps", "passes", "layers", "parts of layers", "update", "communication", "operations"];

    /// <summary>Writes the trace.</summary>
    /// <param name="profile">The step.</param>
    /// <param name="device">What the process is called.</param>
    /// <param name="stream">What the track of the device's work is called: <c>compute stream</c>.</param>
    /// <param name="destination">UTF-8 goes here.</param>
    public static void Write(StepProfile profile, string device, string stream, Stream destination)
    {
        ArgumentNullException.ThrowIfNull(profile);
        using var writer = new Utf8JsonWriter(destination, new JsonWriterOptions { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping });
        writer.WriteStartObject();
        writer.WriteString("displayTimeUnit", "ns");
        writer.WriteStartArray("traceEvents");
        WriteName(writer, "process_name", 0, device);
        bool placesCollectives = profile.Overlap is not null;
        string[] tracks = [.. TrackNames, stream, .. placesCollectives ? (string[])["collectives"] : []];
        for (int track = 0; track < tracks.Length; track++)
        {
            WriteName(writer, "thread_name", track + 1, tracks[track]);
            WriteOrder(writer, track + 1);
        }

        double origin = profile.Operations.SelectMany(operation => operation.Launches).Select(launch => launch.Start)
            .Concat(profile.Activities.Select(activity => activity.Start / Nanoseconds)).DefaultIfEmpty(0).Min();
        WriteMetadata(writer, profile);
        WriteActivities(writer, profile, origin);
        foreach ((ProfiledRange range, Span span) in Spans(profile, origin))
        {
            WriteStart(writer, range.ToString(), 1 + (int)range.Name.Kind, span);
            writer.WriteEndObject();
        }

        foreach (ProfiledOperation operation in profile.Operations.Where(operation => operation.Launches.Count > 0))
        {
            WriteOperation(writer, operation, origin);
            foreach (ProfiledLaunch launch in operation.Launches)
            {
                WriteLaunch(writer, operation, launch, origin);
            }
        }

        foreach (ProfiledCollective collective in placesCollectives ? profile.Collectives : [])
        {
            WriteCollective(writer, collective, profile.Batch.WorldSize, origin);
        }

        writer.WriteEndArray();
        writer.WriteEndObject();
    }

    /// <summary>How times are known, as the process's label.</summary>
    private static void WriteMetadata(Utf8JsonWriter writer, StepProfile profile)
    {
        writer.WriteStartObject();
        writer.WriteString("ph", "M");
        writer.WriteString("name", "process_labels");
        writer.WriteNumber("pid", Process);
        writer.WriteStartObject("args");
        writer.WriteString("labels", $"times: {profile.TimeSource}");
        writer.WriteEndObject();
        writer.WriteEndObject();
    }

    /// <summary>A track a stream of the GPU's, with what it recorded there under the compilers' names.</summary>
    private static void WriteActivities(Utf8JsonWriter writer, StepProfile profile, double origin)
    {
        int track = CollectiveTrack;
        foreach (IGrouping<uint, GpuActivity> stream in profile.Activities.GroupBy(activity => activity.Stream).OrderBy(stream => stream.Key))
        {
            track++;
            WriteName(writer, "thread_name", track, FormattableString.Invariant($"recorded, stream {stream.Key}"));
            WriteOrder(writer, track);
            foreach (GpuActivity activity in stream)
            {
                WriteStart(writer, activity.Name, track, Span.Of((activity.Start / Nanoseconds) - origin, (activity.End / Nanoseconds) - origin));
                writer.WriteStartObject("args");
                if (activity.Shape is { } shape)
                {
                    writer.WriteString("grid", shape.Grid.ToString());
                    writer.WriteString("block", shape.Block.ToString());
                    writer.WriteNumber("registers", activity.Registers);
                    writer.WriteNumber("static_shared_bytes", activity.StaticSharedBytes);
                    writer.WriteNumber("dynamic_shared_bytes", shape.SharedBytes);
                }
                else
                {
                    writer.WriteNumber("bytes", activity.Bytes);
                }

                writer.WriteEndObject();
                writer.WriteEndObject();
            }
        }
    }

    /// <summary>From when to when each named stretch had work, by its object: equal names come again and again.</summary>
    private static Dictionary<ProfiledRange, Span> Spans(StepProfile profile, double origin)
    {
        var spans = new Dictionary<ProfiledRange, Span>(ReferenceEqualityComparer.Instance);
        foreach (ProfiledOperation operation in profile.Operations)
        {
            foreach (ProfiledLaunch launch in operation.Launches)
            {
                for (ProfiledRange? range = operation.Range; range is not null; range = range.Parent)
                {
                    spans[range] = spans.TryGetValue(range, out Span known) ? known.With(Span.Of(launch, origin)) : Span.Of(launch, origin);
                }
            }
        }

        return spans;
    }

    private static void WriteOperation(Utf8JsonWriter writer, ProfiledOperation operation, double origin)
    {
        Span span = operation.Launches.Select(launch => Span.Of(launch, origin)).Aggregate((all, one) => all.With(one));
        WriteStart(writer, $"{operation.Name} {operation.Detail}".TrimEnd(), OperationTrack, span);
        writer.WriteStartObject("args");
        foreach (CostPart part in operation.Costs)
        {
            writer.WriteString(part.Part, FormattableString.Invariant($"{part.Cost.Bytes} bytes, {part.Cost.Flops} FLOP"));
        }

        writer.WriteEndObject();
        writer.WriteEndObject();
    }

    private static void WriteLaunch(Utf8JsonWriter writer, ProfiledOperation operation, ProfiledLaunch launch, double origin)
    {
        WriteStart(writer, launch.Name, StreamTrack, Span.Of(launch, origin));
        writer.WriteStartObject("args");
        writer.WriteString("operation", operation.Name);
        if (CostOf(operation, launch) is { } cost)
        {
            WriteCost(writer, cost, launch.Seconds);
        }

        if (launch.Shape is { } shape)
        {
            writer.WriteString("grid", shape.Grid.ToString());
            writer.WriteString("block", shape.Block.ToString());
            writer.WriteNumber("dynamic_shared_bytes", shape.SharedBytes);
        }

        if (launch.Enqueued is { } enqueued)
        {
            writer.WriteNumber("us_from_enqueueing", Math.Round((launch.Start - enqueued) * 1e6, 3));
        }

        if (launch.Counters is { } counters)
        {
            writer.WriteNumber("warp_instructions", counters.WarpInstructions);
            writer.WriteNumber("global_sectors", counters.GlobalLoadSectors + counters.GlobalStoreSectors);
        }

        writer.WriteEndObject();
        writer.WriteEndObject();
    }

    private static void WriteCollective(Utf8JsonWriter writer, ProfiledCollective collective, int worldSize, double origin)
    {
        double wireBytes = collective.WireBytes(worldSize);
        WriteStart(writer, collective.Name, CollectiveTrack, Span.Of(collective.Start - origin, collective.End - origin));
        writer.WriteStartObject("args");
        writer.WriteNumber("bytes", collective.Bytes);
        writer.WriteNumber("wire_bytes", wireBytes);
        if (collective.Seconds > 0)
        {
            writer.WriteNumber("bus_gb_per_s", Math.Round(wireBytes / collective.Seconds / 1e9, 3));
        }

        writer.WriteEndObject();
        writer.WriteEndObject();
    }

    /// <summary>Its own, or that of the part that it alone does.</summary>
    private static KernelCost? CostOf(ProfiledOperation operation, ProfiledLaunch launch)
    {
        if (launch.Cost is not null || operation.Launches.Count(other => other.Part == launch.Part) > 1)
        {
            return launch.Cost;
        }

        CostPart[] parts = [.. operation.Costs.Where(part => part.Part == launch.Part)];
        return parts.Length == 1 ? parts[0].Cost : null;
    }

    private static void WriteCost(Utf8JsonWriter writer, KernelCost cost, double seconds)
    {
        writer.WriteNumber("bytes", cost.Bytes);
        writer.WriteNumber("flops", cost.Flops);
        if (seconds > 0)
        {
            writer.WriteNumber("gb_per_s", Math.Round(cost.Bytes / seconds / 1e9, 3));
            writer.WriteNumber("gflops", Math.Round(cost.Flops / seconds / 1e9, 3));
        }
    }

    private static void WriteStart(Utf8JsonWriter writer, string name, int track, Span span)
    {
        writer.WriteStartObject();
        writer.WriteString("ph", "X");
        writer.WriteString("name", name);
        writer.WriteNumber("pid", Process);
        writer.WriteNumber("tid", track);
        writer.WriteNumber("ts", span.Start / 1000m);
        writer.WriteNumber("dur", (span.End - span.Start) / 1000m);
    }

    private static void WriteName(Utf8JsonWriter writer, string what, int track, string name)
    {
        writer.WriteStartObject();
        writer.WriteString("ph", "M");
        writer.WriteString("name", what);
        writer.WriteNumber("pid", Process);
        writer.WriteNumber("tid", track);
        writer.WriteStartObject("args");
        writer.WriteString("name", name);
        writer.WriteEndObject();
        writer.WriteEndObject();
    }

    private static void WriteOrder(Utf8JsonWriter writer, int track)
    {
        writer.WriteStartObject();
        writer.WriteString("ph", "M");
        writer.WriteString("name", "thread_sort_index");
        writer.WriteNumber("pid", Process);
        writer.WriteNumber("tid", track);
        writer.WriteStartObject("args");
        writer.WriteNumber("sort_index", track);
        writer.WriteEndObject();
        writer.WriteEndObject();
    }

    /// <summary>Whole nanoseconds, so that what touches does not overlap by rounding.</summary>
    private readonly record struct Span(long Start, long End)
    {
        public static Span Of(ProfiledLaunch launch, double origin) => Of(launch.Start - origin, launch.Start - origin + launch.Seconds);

        public static Span Of(double start, double end) => new((long)Math.Round(start * Nanoseconds), (long)Math.Round(end * Nanoseconds));

        public Span With(Span other) => new(Math.Min(Start, other.Start), Math.Max(End, other.End));
    }
}
