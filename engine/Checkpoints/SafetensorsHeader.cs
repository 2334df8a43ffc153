using System;
using System.Collections.Generic;
using System.Linq;
using System.Text.Json;
using GptEngine.Runtime;
using GptEngine.Runtime.Memory;

namespace GptEngine.Engine.Checkpoints;

/// <summary>Reads the JSON header of a safetensors file, trusting nothing in it.</summary>
internal sealed class SafetensorsHeader
{
    /// <summary>Far above any real header (gpt-1b's has 40 KB), far below what could hurt.</summary>
    public const long MaxBytes = 16 << 20;

    private const int MaxAxes = 8;

    // An object of objects that hold arrays.
    private const int MaxDepth = 3;

    private readonly string _path;
    private readonly long _dataStart;
    private readonly long _dataBytes;
    private readonly Dictionary<string, SafetensorsEntry> _entries = new(StringComparer.Ordinal);

    private SafetensorsHeader(string path, long dataStart, long dataBytes)
    {
        _path = path;
        _dataStart = dataStart;
        _dataBytes = dataBytes;
    }

    /// <summary>Parses and checks a whole header.</summary>
    /// <param name="path">For messages.</param>
    /// <param name="json">The header's bytes.</param>
    /// <param name="dataStart">Byte of the file where data starts.</param>
    /// <param name="dataBytes">Bytes of data in the file.</param>
    /// <exception cref="UserErrorException">The header is broken, or does not fit the file.</exception>
    public static Dictionary<string, SafetensorsEntry> Parse(string path, ReadOnlySpan<byte> json, long dataStart, long dataBytes)
    {
        var header = new SafetensorsHeader(path, dataStart, dataBytes);
        try
        {
            header.Read(json);
        }
        catch (Exception exception) when (exception is JsonException or InvalidOperationException or FormatException)
        {
            throw new UserErrorException($"{path}: the header is not the JSON of a safetensors file ({Brief(exception)}). Get the file anew.", ExitCode.Failed, exception);
        }

        header.CheckLayout();
        return header._entries;
    }

    private static string Brief(Exception exception)
    {
        string first = exception.Message.Split('\n')[0];
        return first.Length <= 160 ? first.TrimEnd('.') : first[..160];
    }

    private void Read(ReadOnlySpan<byte> json)
    {
        var reader = new Utf8JsonReader(json, new JsonReaderOptions { MaxDepth = MaxDepth });
        Expect(ref reader, JsonTokenType.StartObject);
        while (Next(ref reader) == JsonTokenType.PropertyName)
        {
            string name = reader.GetString() ?? "";
            if (name == "__metadata__")
            {
                Next(ref reader);
                reader.Skip();
                continue;
            }

            if (!_entries.TryAdd(name, ReadEntry(ref reader, name)))
            {
                throw Broken($"names tensor \"{Shorten(name)}\" twice");
            }
        }

        if (reader.Read())
        {
            throw Broken("goes on after its JSON object");
        }
    }

    private SafetensorsEntry ReadEntry(ref Utf8JsonReader reader, string name)
    {
        string? type = null;
        List<long>? shape = null;
        List<long>? offsets = null;
        Expect(ref reader, JsonTokenType.StartObject);
        while (Next(ref reader) == JsonTokenType.PropertyName)
        {
            if (reader.ValueTextEquals("dtype"u8))
            {
                Expect(ref reader, JsonTokenType.String);
                type = reader.GetString();
            }
            else if (reader.ValueTextEquals("shape"u8))
            {
                shape = ReadNumbers(ref reader, name);
            }
            else if (reader.ValueTextEquals("data_offsets"u8))
            {
                offsets = ReadNumbers(ref reader, name);
            }
            else
            {
                throw Broken($"has an unknown key beside tensor \"{Shorten(name)}\"'s dtype, shape and data_offsets");
            }
        }

        if (type is null || shape is null || offsets is not [long begin, long end])
        {
            throw Broken($"lacks dtype, shape or two data_offsets of tensor \"{Shorten(name)}\"");
        }

        return MakeEntry(name, type, shape, begin, end);
    }

    private SafetensorsEntry MakeEntry(string name, string type, List<long> shape, long begin, long end)
    {
        DataType elementType = type switch
        {
            "F32" => DataType.Float32,
            "F16" => DataType.Float16,
            "BF16" => DataType.BFloat16,
            "F64" => DataType.Float64,
            "I32" => DataType.Int32,
            _ => throw Broken($"gives tensor \"{Shorten(name)}\" type {Shorten(type)}; readable are F32, F16, BF16, F64 and I32"),
        };
        if (begin < 0 || end < begin || end > _dataBytes)
        {
            throw Broken($"places tensor \"{Shorten(name)}\" at bytes {begin} to {end} of its data, which has {_dataBytes}");
        }

        long count = 1;
        foreach (long axis in shape)
        {
            if (axis < 0 || (axis > 0 && count > long.MaxValue / 16 / axis))
            {
                throw Broken($"gives tensor \"{Shorten(name)}\" an impossible shape");
            }

            count *= axis;
        }

        if (count * elementType.SizeInBytes() != end - begin)
        {
            throw Broken(
                $"gives tensor \"{Shorten(name)}\" {end - begin} bytes where its shape and type need {count * elementType.SizeInBytes()}");
        }

        return new SafetensorsEntry(name, elementType, shape, count, _dataStart + begin);
    }

    private List<long> ReadNumbers(ref Utf8JsonReader reader, string name)
    {
        var numbers = new List<long>();
        Expect(ref reader, JsonTokenType.StartArray);
        while (Next(ref reader) != JsonTokenType.EndArray)
        {
            if (reader.TokenType != JsonTokenType.Number || !reader.TryGetInt64(out long number) || numbers.Count == MaxAxes)
            {
                throw Broken($"has something else than up to {MaxAxes} whole numbers in an array of tensor \"{Shorten(name)}\"");
            }

            numbers.Add(number);
        }

        return numbers;
    }

    // The format allows neither overlaps nor holes: nothing can hide in the file, and no byte is read as two tensors.
    private void CheckLayout()
    {
        long end = _dataStart;
        foreach (SafetensorsEntry entry in _entries.Values.OrderBy(e => e.Offset).ThenBy(e => e.Bytes))
        {
            if (entry.Offset != end)
            {
                throw Broken($"places tensor \"{Shorten(entry.Name)}\" at byte {entry.Offset}, where byte {end} was due: tensors overlap or leave a hole");
            }

            end += entry.Bytes;
        }

        if (end != _dataStart + _dataBytes)
        {
            throw Broken($"accounts for {end} bytes, and the file has {_dataStart + _dataBytes}");
        }
    }

    private JsonTokenType Next(ref Utf8JsonReader reader) =>
        reader.Read() ? reader.TokenType : throw Broken("ends in the middle");

    private void Expect(ref Utf8JsonReader reader, JsonTokenType type)
    {
        if (Next(ref reader) != type)
        {
            throw Broken($"has {reader.TokenType} at byte {reader.TokenStartIndex}, where {type} was expected");
        }
    }

    private UserErrorException Broken(string what) => new($"{_path}: the safetensors header {what}. Get the file anew.");

    private static string Shorten(string text) => text.Length <= 80 ? text : text[..80] + "…";
}
