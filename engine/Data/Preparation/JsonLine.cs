using System;
using System.Buffers;
using System.Globalization;
using System.Text;
using System.Text.Json;
using GptEngine.Engine.Tokenization;

namespace GptEngine.Engine.Data.Preparation;

/// <summary>Reads one line of a .jsonl file. What is wrong with a line comes back as a sentence, since bad lines are common and counted.</summary>
internal static class JsonLine
{
    private static readonly JsonReaderOptions ReaderOptions = new() { MaxDepth = 512 };

    /// <summary>Whether a line has nothing but white space; such lines are passed over.</summary>
    public static bool IsBlank(ReadOnlySpan<byte> line) => line.TrimStart(" \t\r\n"u8).IsEmpty;

    /// <summary>Reads the string of the key <c>text</c>, unescaped, into <paramref name="text"/>. A lone surrogate becomes U+FFFD.</summary>
    /// <returns>null, or what is wrong with the line.</returns>
    public static string? ReadText(ReadOnlySpan<byte> line, ArrayBufferWriter<byte> text)
    {
        bool found = false;
        try
        {
            Utf8JsonReader reader = new(line, ReaderOptions);
            if (!reader.Read() || reader.TokenType != JsonTokenType.StartObject)
            {
                return "it is no JSON object";
            }

            while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
            {
                bool isText = reader.ValueTextEquals("text"u8);
                reader.Read();
                if (!isText)
                {
                    reader.Skip();
                    continue;
                }

                if (reader.TokenType != JsonTokenType.String)
                {
                    return "its \"text\" is no string";
                }

                text.ResetWrittenCount();
                AppendString(in reader, text);
                found = true;
            }

            // Anything after the object throws here.
            reader.Read();
        }
        catch (JsonException e)
        {
            return $"it is no JSON (byte {e.BytePositionInLine})";
        }
        catch (InvalidOperationException)
        {
            // A key that is no valid UTF-8 or has a lone surrogate.
            return "it has a key that is no text";
        }

        return found ? null : "it has no \"text\"";
    }

    /// <summary>Reads the numbers of the key <c>ids</c> and appends their bytes to <paramref name="bytes"/>.</summary>
    /// <returns>null, or what is wrong with the line.</returns>
    public static string? DecodeIds(ReadOnlySpan<byte> line, ITokenizer tokenizer, ArrayBufferWriter<byte> bytes)
    {
        bool found = false;
        try
        {
            Utf8JsonReader reader = new(line, ReaderOptions);
            if (!reader.Read() || reader.TokenType != JsonTokenType.StartObject)
            {
                return "it is no JSON object";
            }

            while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
            {
                bool isIds = reader.ValueTextEquals("ids"u8);
                reader.Read();
                if (!isIds)
                {
                    reader.Skip();
                    continue;
                }

                if (reader.TokenType != JsonTokenType.StartArray)
                {
                    return "its \"ids\" is no array";
                }

                bytes.ResetWrittenCount();
                found = true;
                while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
                {
                    if (reader.TokenType != JsonTokenType.Number || !reader.TryGetInt32(out int id))
                    {
                        return "its \"ids\" has something that is no token id";
                    }

                    bytes.Write(tokenizer.Decode(id));
                }
            }

            reader.Read();
        }
        catch (JsonException e)
        {
            return $"it is no JSON (byte {e.BytePositionInLine})";
        }
        catch (InvalidOperationException)
        {
            return "it has a key that is no text";
        }

        return found ? null : "it has no \"ids\"";
    }

    // Utf8JsonReader.GetString refuses lone surrogates and invalid UTF-8, which crawled text has; tiktoken reads them as U+FFFD.
    private static void AppendString(in Utf8JsonReader reader, ArrayBufferWriter<byte> text)
    {
        ReadOnlySpan<byte> raw = reader.ValueSpan;
        while (true)
        {
            int escape = reader.ValueIsEscaped ? raw.IndexOf((byte)'\\') : -1;
            if (escape < 0)
            {
                text.Write(raw);
                return;
            }

            text.Write(raw[..escape]);
            raw = raw[(escape + 1)..];
            raw = raw[AppendEscape(raw, text)..];
        }
    }

    /// <summary>Appends what the escape after a backslash stands for and returns its length. The reader has checked its form.</summary>
    private static int AppendEscape(ReadOnlySpan<byte> escape, ArrayBufferWriter<byte> text)
    {
        if (escape[0] != 'u')
        {
            byte single = escape[0] switch
            {
                (byte)'b' => (byte)'\b',
                (byte)'f' => (byte)'\f',
                (byte)'n' => (byte)'\n',
                (byte)'r' => (byte)'\r',
                (byte)'t' => (byte)'\t',
                byte itself => itself,
            };
            text.Write([single]);
            return 1;
        }

        int length = 5;
        char unit = HexUnit(escape[1..]);
        if (!Rune.TryCreate(unit, out Rune rune))
        {
            rune = Rune.ReplacementChar;
            if (char.IsHighSurrogate(unit) && escape.Length >= 11 && escape[5] == '\\' && escape[6] == 'u'
                && Rune.TryCreate(unit, HexUnit(escape[7..]), out Rune pair))
            {
                rune = pair;
                length = 11;
            }
        }

        Span<byte> utf8 = stackalloc byte[4];
        text.Write(utf8[..rune.EncodeToUtf8(utf8)]);
        return length;
    }

    private static char HexUnit(ReadOnlySpan<byte> digits) =>
        (char)ushort.Parse(digits[..4], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture);
}
