using System;
using System.Buffers;
using System.Text;

namespace GptEngine.Engine.Tokenization;

/// <summary>Makes valid UTF-8 of any bytes.</summary>
internal static class Utf8Repair
{
    /// <summary>
    /// A copy in which each maximal part that cannot be UTF-8 is U+FFFD, as Python's <c>bytes.decode("utf-8", errors="replace")</c> has it.
    /// </summary>
    public static byte[] Replace(ReadOnlySpan<byte> bytes)
    {
        ReadOnlySpan<byte> replacement = [0xEF, 0xBF, 0xBD];
        ArrayBufferWriter<byte> repaired = new(bytes.Length + 16);
        int good = 0;
        for (int at = 0; at < bytes.Length;)
        {
            OperationStatus status = Rune.DecodeFromUtf8(bytes[at..], out _, out int consumed);
            if (status != OperationStatus.Done)
            {
                repaired.Write(bytes[good..at]);
                repaired.Write(replacement);
                good = at + consumed;
            }

            at += consumed;
        }

        repaired.Write(bytes[good..]);
        return repaired.WrittenSpan.ToArray();
    }
}
