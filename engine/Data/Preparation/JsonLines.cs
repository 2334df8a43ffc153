using System;
using System.IO;
using GptEngine.Runtime;

namespace GptEngine.Engine.Data.Preparation;

/// <summary>Goes through the lines of a .jsonl stream one by one.</summary>
internal static class JsonLines
{
    /// <summary>What is done with a line; returns null, or what is wrong with it.</summary>
    public delegate string? LineAction(ReadOnlySpan<byte> line);

    /// <summary>Calls <paramref name="action"/> with each line that is not blank.</summary>
    /// <exception cref="UserErrorException">The action found something wrong, or a line is too long; the message has its number.</exception>
    public static void ForEach(Stream input, LineAction action)
    {
        long number = 0;
        using BlockReader reader = new(input, BlockRule.Lines);
        while (reader.TryRead(out Block block))
        {
            using (block)
            {
                ReadOnlySpan<byte> rest = WithoutByteOrderMark(block.Bytes, block.IsFirst);
                while (TakeLine(ref rest, out ReadOnlySpan<byte> line))
                {
                    number++;
                    string? problem = block.IsOversized ? TooLong : JsonLine.IsBlank(line) ? null : action(line);
                    if (problem is not null)
                    {
                        throw new UserErrorException($"Line {number} of the input cannot be used: {problem}. Correct or remove the line.");
                    }
                }
            }
        }
    }

    /// <summary>What is wrong with a line of an oversized block.</summary>
    public static string TooLong => $"it is longer than {BlockRule.Lines.LargestBytes >> 20} MiB";

    public static bool TakeLine(ref ReadOnlySpan<byte> rest, out ReadOnlySpan<byte> line)
    {
        if (rest.IsEmpty)
        {
            line = default;
            return false;
        }

        int end = rest.IndexOf((byte)'\n');
        line = end < 0 ? rest : rest[..end];
        rest = end < 0 ? default : rest[(end + 1)..];
        return true;
    }

    /// <summary>The bytes without the mark that some editors put at the start of a UTF-8 file; it is no part of the text.</summary>
    public static ReadOnlySpan<byte> WithoutByteOrderMark(ReadOnlySpan<byte> bytes, bool isFirst)
    {
        ReadOnlySpan<byte> mark = [0xEF, 0xBB, 0xBF];
        return isFirst && bytes.StartsWith(mark) ? bytes[mark.Length..] : bytes;
    }
}
