using System;
using System.Buffers;
using System.Collections.Generic;
using System.Globalization;
using System.IO;
using System.Text;
using System.Text.Json;
using GptEngine.Runtime;

namespace GptEngine.Engine.Runs;

/// <summary>
/// <c>metrics.jsonl</c>: a line for each optimizer step and each evaluation, written as it happens. Floats have the digits to be read back
/// bit for bit; what is not finite is written as null, since JSON has no word for it.
/// </summary>
public sealed class MetricsFile : IDisposable
{
    private const int MaxLineBytes = 1 << 16;

    private readonly FileStream _stream;
    private readonly ArrayBufferWriter<byte> _line = new(512);
    private readonly Utf8JsonWriter _writer;

    private MetricsFile(FileStream stream)
    {
        _stream = stream;
        _writer = new Utf8JsonWriter(_line);
    }

    /// <summary>Opens the file to go on behind step <paramref name="lastStep"/>; a new file where there is none.</summary>
    /// <param name="path">The file.</param>
    /// <param name="lastStep">Later lines, which the run is about to write again, are kept aside under another name.</param>
    /// <param name="earlier">Receives every line that stays.</param>
    public static MetricsFile Open(string path, long lastStep, Action<MetricsLine> earlier)
    {
        ArgumentNullException.ThrowIfNull(earlier);
        if (File.Exists(path))
        {
            KeepUpTo(path, lastStep, earlier);
        }

        return new MetricsFile(new FileStream(path, FileMode.Append, FileAccess.Write, FileShare.Read, bufferSize: 0));
    }

    /// <summary>Reads a metrics file; lines that are none (a torn last one, say) are left out.</summary>
    public static IEnumerable<MetricsLine> Read(string path)
    {
        using var reader = new StreamReader(path);
        while (reader.ReadLine() is { } text)
        {
            if (text.Length <= MaxLineBytes && MetricsLine.TryParse(text, out MetricsLine line))
            {
                yield return line;
            }
        }
    }

    /// <summary>Appends the line of an optimizer step.</summary>
    /// <param name="step">Steps done, this one included.</param>
    /// <param name="tokens">Tokens seen, this step's included.</param>
    /// <param name="loss">Mean cross-entropy over the step's targets, nats.</param>
    /// <param name="learningRate">The learning rate of the step.</param>
    /// <param name="gradNorm">Global gradient norm before clipping.</param>
    /// <param name="tokensPerSecond">Throughput of this step.</param>
    /// <param name="mfu">Model FLOPs utilisation, 0 to 1; NaN where the device's peak is unknown.</param>
    /// <param name="seconds">Wall time of this step.</param>
    public void WriteStep(
        long step, long tokens, float loss, float learningRate, float gradNorm, double tokensPerSecond, double mfu, double seconds)
    {
        Begin("train", step);
        _writer.WriteNumber("tokens", tokens);
        WriteFloat("loss", loss);
        WriteFloat("learning_rate", learningRate);
        WriteFloat("grad_norm", gradNorm);
        WriteRounded("tokens_per_second", tokensPerSecond, "0.##");
        WriteRounded("mfu", mfu, "0.####");
        WriteRounded("seconds", seconds, "0.######");
        End();
    }

    /// <summary>Appends the line of an evaluation.</summary>
    public void WriteEvaluation(long step, double loss, double perplexity)
    {
        Begin("eval", step);
        WriteRounded("loss", loss, "R");
        WriteRounded("perplexity", perplexity, "R");
        End();
    }

    public void Dispose()
    {
        _writer.Dispose();
        _stream.Dispose();
    }

    private static void KeepUpTo(string path, long lastStep, Action<MetricsLine> earlier)
    {
        var kept = new StringBuilder();
        long lastFound = 0;
        bool dropped = false;
        foreach (MetricsLine line in Read(path))
        {
            lastFound = Math.Max(lastFound, line.Step);
            if (line.Step > lastStep)
            {
                dropped = true;
                continue;
            }

            kept.Append(line.Text).Append('\n');
            earlier(line);
        }

        if (dropped)
        {
            string aside = Path.ChangeExtension(path, $".until-step-{lastFound.ToString("D8", CultureInfo.InvariantCulture)}.jsonl");
            File.Copy(path, aside, overwrite: true);
        }

        RunFolder.Replace(path, kept.ToString());
    }

    private void Begin(string kind, long step)
    {
        _line.ResetWrittenCount();
        _writer.Reset();
        _writer.WriteStartObject();
        _writer.WriteString("kind", kind);
        _writer.WriteNumber("step", step);
    }

    private void WriteFloat(string name, float value)
    {
        if (float.IsFinite(value))
        {
            _writer.WriteNumber(name, value);
        }
        else
        {
            _writer.WriteNull(name);
        }
    }

    private void WriteRounded(string name, double value, string format)
    {
        if (double.IsFinite(value))
        {
            _writer.WritePropertyName(name);
            _writer.WriteRawValue(value.ToString(format, CultureInfo.InvariantCulture), skipInputValidation: true);
        }
        else
        {
            _writer.WriteNull(name);
        }
    }

    private void End()
    {
        _writer.WriteEndObject();
        _writer.Flush();
        _line.Write("\n"u8);
        try
        {
            // One write a line: a reader that follows the file never sees half of one.
            _stream.Write(_line.WrittenSpan);
        }
        catch (IOException e)
        {
            throw new UserErrorException($"{_stream.Name}: cannot write ({e.Message.TrimEnd('.')}). Free some disk space and resume.", ExitCode.Failed, e);
        }
    }
}
