using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Text.Encodings.Web;
using System.Text.Json;
using GptEngine.Engine.Configuration;
using GptEngine.Engine.SelfTesting;
using GptEngine.Runtime;

namespace GptEngine.Gpt.Terminal;

/// <summary>A self-test as a JSON file: what was tested, every case, and the losses.</summary>
internal sealed class SelfTestFile : IDisposable
{
    private readonly FileStream _file;

    /// <param name="path">Made anew, before the test begins: a path that cannot be written is told at once.</param>
    /// <exception cref="UserErrorException">Usage: it cannot be written.</exception>
    public SelfTestFile(string path)
    {
        try
        {
            _file = File.Create(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or NotSupportedException or ArgumentException)
        {
            throw new UserErrorException($"--json {path}: the file cannot be written ({e.Message.TrimEnd('.')}). Check the path.", ExitCode.Usage, e);
        }
    }

    public void Write(
        string device, SelfTestPlan plan, IReadOnlyList<SelfTestRow> rows, IReadOnlyList<(string Name, IReadOnlyList<float> Losses)> losses, TimeSpan elapsed)
    {
        using var writer = new Utf8JsonWriter(_file, new JsonWriterOptions { Indented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping });
        writer.WriteStartObject();
        writer.WriteString("kind", "selftest");
        writer.WriteString("device", device);
        writer.WriteString("program", ProgramVersions.Program);
        writer.WriteNumber("seed", plan.Seed);
        writer.WriteString("filter", plan.Filter);
        writer.WriteString("left_out", plan.LeftOut);
        writer.WriteNumber("seconds", elapsed.TotalSeconds);
        writer.WriteBoolean("passes", rows.All(row => row.Passes));
        writer.WriteStartArray("cases");
        foreach (SelfTestRow row in rows)
        {
            Write(writer, row);
        }

        writer.WriteEndArray();
        writer.WriteStartObject("losses");
        foreach ((string name, IReadOnlyList<float> values) in losses)
        {
            writer.WriteStartArray(name);
            foreach (float value in values)
            {
                Write(writer, value);
            }

            writer.WriteEndArray();
        }

        writer.WriteEndObject();
        writer.WriteEndObject();
    }

    public void Dispose() => _file.Dispose();

    private static void Write(Utf8JsonWriter writer, SelfTestRow row)
    {
        writer.WriteStartObject();
        writer.WriteString("part", row.Part);
        writer.WriteString("precision", EnumNames.Of(row.Precision));
        writer.WriteString("name", row.Name);
        writer.WriteString("shape", row.Shape);
        writer.WriteBoolean("passes", row.Passes);
        if (row is { Error: { } error, Bound: { } bound })
        {
            writer.WritePropertyName("error");
            Write(writer, error);
            writer.WritePropertyName("bound");
            Write(writer, bound);
        }

        writer.WriteString("note", row.Note);
        writer.WriteEndObject();
    }

    // JSON has no infinity; a text says it.
    private static void Write(Utf8JsonWriter writer, double value)
    {
        if (double.IsFinite(value))
        {
            writer.WriteNumberValue(value);
        }
        else
        {
            writer.WriteStringValue(value.ToString(System.Globalization.CultureInfo.InvariantCulture));
        }
    }
}
