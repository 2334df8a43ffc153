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
        if (!reader.ValueIsEscaped)
        {
            text.Write(raw);
            return;
        }

        // An escape is never shorter than what it stands for.
        Span<byte> free = text.GetSpan(raw.Length);
        int written = 0;
        while (true)
        {
            int escape = raw.IndexOf((byte)'\\');
            if (escape < 0)
            {
                raw.CopyTo(free[written..]);
                text.Advance(written + raw.Length);
                return;
            }

            raw[..escape].CopyTo(free[written..]);
            written += escape;
            raw = raw[(escape + 1)..];
            int length = 1;
            if (raw[0] == 'u')
            {
                written += ReadUnicodeEscape(raw, out length).EncodeToUtf8(free[written..]);
            }
            else
            {
                free[written++] = SingleEscape(raw[0]);
            }

            raw = raw[length..];
        }
    }

    // The reader has checked the form of every escape.
    private static byte SingleEscape(byte letter) => letter switch
    {
        (byte)'b' => (byte)'\b',
        (byte)'f' => (byte)'\f',
        (byte)'n' => (byte)'\n',
        (byte)'r' => (byte)'\r',
        (byte)'t' => (byte)'\t',
        _ => letter,
    };

    /// <summary>The character of the escape <c>uXXXX</c>, or of a surrogate pair of two, and how many bytes it takes.</summary>
    private static Rune ReadUnicodeEscape(ReadOnlySpan<byte> escape, out int length)
    {
        length = 5;
        char unit = HexUnit(escape[1..]);
        if (Rune.TryCreate(unit, out Rune rune))
        {
            return rune;
        }

        if (char.IsHighSurrogate(unit) && escape.Length >= 11 && escape[5] == '\\' && escape[6] == 'u'
            && Rune.TryCreate(unit, HexUnit(escape[7..]), out Rune pair))
        {
            length = 11;
            return pair;
        }

        return Rune.ReplacementChar;
    }

    private static char HexUnit(ReadOnlySpan<byte> digits) =>
        (char)ushort.Parse(digits[..4], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture);
}
