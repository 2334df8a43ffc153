using System;
using System.Buffers.Binary;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Runtime.InteropServices;
using System.Text.Json;

namespace GptEngine.Tests.Common;

/// <summary>Reads the golden vectors, which are ours and so trusted: F64, F32 and I32 tensors, widened to double.</summary>
internal sealed class SafetensorsReader
{
    private readonly byte[] _bytes;
    private readonly int _dataStart;
    private readonly JsonElement _header;

    public SafetensorsReader(string path)
    {
        _bytes = File.ReadAllBytes(path);
        int headerBytes = (int)BinaryPrimitives.ReadUInt64LittleEndian(_bytes);
        _dataStart = sizeof(ulong) + headerBytes;
        using var document = JsonDocument.Parse(_bytes.AsMemory(sizeof(ulong), headerBytes));
        _header = document.RootElement.Clone();
    }

    /// <summary>The names of all tensors.</summary>
    public IEnumerable<string> Names => _header.EnumerateObject().Select(p => p.Name).Where(name => name != "__metadata__");

    public long[] Shape(string name) => [.. _header.GetProperty(name).GetProperty("shape").EnumerateArray().Select(size => size.GetInt64())];

    public double[] Read(string name)
    {
        JsonElement entry = _header.GetProperty(name);
        JsonElement offsets = entry.GetProperty("data_offsets");
        int begin = offsets[0].GetInt32();
        ReadOnlySpan<byte> data = _bytes.AsSpan(_dataStart + begin, offsets[1].GetInt32() - begin);
        return entry.GetProperty("dtype").GetString() switch
        {
            "F64" => MemoryMarshal.Cast<byte, double>(data).ToArray(),
            "F32" => Array.ConvertAll(MemoryMarshal.Cast<byte, float>(data).ToArray(), value => (double)value),
            "I32" => Array.ConvertAll(MemoryMarshal.Cast<byte, int>(data).ToArray(), value => (double)value),
            string other => throw new NotSupportedException($"{name}: {other}"),
            null => throw new NotSupportedException($"{name}: no type"),
        };
    }
}
