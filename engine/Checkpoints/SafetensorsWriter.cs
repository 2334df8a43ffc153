using System;
using System.Buffers;
using System.Buffers.Binary;
using System.Collections.Generic;
using System.Runtime.InteropServices;
using System.Text.Json;
using GptEngine.Engine.Model;
using GptEngine.Runtime.Memory;

namespace GptEngine.Engine.Checkpoints;

/// <summary>Writes tensors from device memory into a safetensors file, fp32, in pieces: no second copy of a model in host memory.</summary>
internal static class SafetensorsWriter
{
    /// <summary>Writes a new file and flushes it to disk.</summary>
    /// <param name="path">Must not exist.</param>
    /// <param name="tensors">Each with its name and shape in the file; of a padded tensor the first rows are written.</param>
    /// <param name="transfer">Brings them to the host.</param>
    public static FileChecksum Write(string path, IReadOnlyList<(string Name, IReadOnlyList<long> Shape, Tensor Tensor)> tensors, TensorTransfer transfer)
    {
        using var file = new HashedFile(path);
        ReadOnlySpan<byte> header = Header(tensors);
        Span<byte> prefix = stackalloc byte[sizeof(ulong)];
        BinaryPrimitives.WriteUInt64LittleEndian(prefix, (ulong)header.Length);
        file.Write(prefix);
        file.Write(header);
        foreach ((string _, IReadOnlyList<long> shape, Tensor tensor) in tensors)
        {
            transfer.Download(tensor, CountOf(shape), (_, floats) => file.Write(MemoryMarshal.AsBytes(floats)));
        }

        return file.Finish();
    }

    private static ReadOnlySpan<byte> Header(IReadOnlyList<(string Name, IReadOnlyList<long> Shape, Tensor Tensor)> tensors)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(buffer))
        {
            long offset = 0;
            json.WriteStartObject();
            json.WriteStartObject("__metadata__");
            json.WriteString("format", "pt");
            json.WriteEndObject();
            foreach ((string name, IReadOnlyList<long> shape, Tensor _) in tensors)
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
