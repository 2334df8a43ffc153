using System;
using System.Buffers;
using System.IO;
using GptEngine.Engine.Data.Preparation;
using GptEngine.Runtime;

namespace GptEngine.Engine.Tokenization;

/// <summary><c>gpt detokenize</c>: ids to the bytes they stand for, in bounded memory however many they are.</summary>
public static class DetokenizeCommand
{
    /// <summary>
    /// Plain: ids in decimal, white space between them, become raw bytes. With <see cref="TokenizeOptions.JsonLines"/>: each line
    /// <c>{"ids":[…]}</c> becomes a line <c>{"bytes_hex":"…"}</c>.
    /// </summary>
    /// <exception cref="UserErrorException">Something is no id of the vocabulary; what precedes it has been written.</exception>
    public static void Run(Stream input, Stream output, TokenizeOptions options)
    {
        ITokenizer tokenizer = Tokenizers.Get(options.Tokenizer);
        using IdWriter writer = new(output);
        if (options.JsonLines)
        {
            RunLines(input, writer, tokenizer);
        }
        else
        {
            RunIds(input, writer, tokenizer);
        }
    }

    private static void RunIds(Stream input, IdWriter writer, ITokenizer tokenizer)
    {
        byte[] buffer = new byte[64 << 10];
        long offset = 0;
        int id = -1;
        for (int read; (read = input.Read(buffer)) > 0;)
        {
            for (int i = 0; i < read; i++, offset++)
            {
                byte b = buffer[i];
                if (b is >= (byte)'0' and <= (byte)'9')
                {
                    // Kept from overflowing: any id this large is outside every vocabulary.
                    id = Math.Min((Math.Max(id, 0) * 10) + (b - '0'), 10_000_000);
                }
                else if (b is (byte)' ' or (byte)'\n' or (byte)'\r' or (byte)'\t')
                {
                    WriteBytes(ref id);
                }
                else
                {
                    throw new UserErrorException(
                        $"Byte {offset} of the input is 0x{b:x2}, which belongs to no token id. Give ids in decimal with white space between them.");
                }
            }
        }

        WriteBytes(ref id);

        void WriteBytes(ref int pending)
        {
            if (pending >= 0)
            {
                writer.Write(tokenizer.Decode(pending));
            }

            pending = -1;
        }
    }

    private static void RunLines(Stream input, IdWriter writer, ITokenizer tokenizer)
    {
        ArrayBufferWriter<byte> bytes = new();
        JsonLines.ForEach(input, line =>
        {
            string? problem = JsonLine.DecodeIds(line, tokenizer, bytes);
            if (problem is null)
            {
                writer.Write("{\"bytes_hex\":\""u8);
                WriteHex(writer, bytes.WrittenSpan);
                writer.Write("\"}\n"u8);
            }

            return problem;
        });
    }

    private static void WriteHex(IdWriter writer, ReadOnlySpan<byte> bytes)
    {
        Span<byte> digits = stackalloc byte[512];
        while (!bytes.IsEmpty)
        {
            ReadOnlySpan<byte> part = bytes[..Math.Min(bytes.Length, 256)];
            Convert.TryToHexStringLower(part, digits, out int written);
            writer.Write(digits[..written]);
            bytes = bytes[part.Length..];
        }
    }
}
