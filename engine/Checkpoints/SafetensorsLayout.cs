using System;
using System.Buffers;
using System.Buffers.Binary;
using System.Collections.Generic;
using System.Text.Json;

namespace GptEngine.Engine.Checkpoints;

/// <summary>Where everything stands in a safetensors file of fp32 tensors: known before a byte of them is, so that many can write it at once.</summary>
internal sealed class SafetensorsLayout
{
    private readonly Dictionary<string, long> _offsets = [];

    /// <param name="tensors">Each with its name and shape, in the order of the file.</param>
    public SafetensorsLayout(IReadOnlyList<(string Name, IReadOnlyList<long> Shape)> tensors)
    {
        ReadOnlySpan<byte> header = Header(tensors);
        Preamble = new byte[sizeof(ulong) + header.Length];
        BinaryPrimitives.WriteUInt64LittleEndian(Preamble, (ulong)header.Length);
        header.CopyTo(Preamble.AsSpan(sizeof(ulong)));
        Bytes = Preamble.Length;
        foreach ((string name, IReadOnlyList<long> shape) in tensors)
        {
            _offsets.Add(name, Bytes);
            Bytes += CountOf(shape) * sizeof(float);
        }
    }

    /// <summary>All that comes before the tensors.</summary>
    public byte[] Preamble { get; }

    /// <summary>Of the whole file.</summary>
    public long Bytes { get; }

    /// <summary>The byte of the file at which a tensor starts.</summary>
    public long OffsetOf(string name) => _offsets[name];

    private static ReadOnlySpan<byte> Header(IReadOnlyList<(string Name, IReadOnlyList<long> Shape)> tensors)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(buffer))
        {
            long offset = 0;
            json.WriteStartObject();
            json.WriteStartObject("__metadata__");
            json.WriteString("format", "pt");
            json.WriteEndObject();
            foreach ((string name, IReadOnlyList<long> shape) in tensors)
            {
                long end = offset + (CountOf(shape) * sizeof(float));
                json.WriteStartObject(name);
                json.WriteString("dtype", "F32");
                WriteNumbers(json, "shape", shape);
                WriteNumbers(json, "data_offsets", [offset, end]);
                json.WriteEndObject();
                offset = end;
            }

            json.WriteEndObject();
        }

        // Data then starts on a multiple of eight bytes, as readers that map the file like it.
        while (buffer.WrittenCount % 8 != 0)
        {
            buffer.Write(" "u8);
        }

        return buffer.WrittenSpan;
    }

    private static void WriteNumbers(Utf8JsonWriter json, string name, IReadOnlyList<long> numbers)
    {
        json.WriteStartArray(name);
        foreach (long number in numbers)
        {
            json.WriteNumberValue(number);
        }

        json.WriteEndArray();
    }

    private static long CountOf(IReadOnlyList<long> shape)
    {
        long count = 1;
        foreach (long axis in shape)
        {
            count *= axis;
        }

        return count;
    }
}
