using System;
using GptEngine.Runtime;

namespace GptEngine.Engine.Data.Streaming;

/// <summary>llm.c's token file: 256 int32 (magic, version, count, zeros), then uint16 tokens. Source: llm.c, dev/data/data_common.py.</summary>
internal static class LlmcFormat
{
    public const int HeaderBytes = 256 * sizeof(int);

    public const int Magic = 20240520;

    public const int Version = 1;

    /// <exception cref="UserErrorException">The version is unknown, or the count does not fit the file.</exception>
    public static StreamLayout Parse(string path, ReadOnlySpan<byte> start, long fileBytes)
    {
        if (start.Length < HeaderBytes)
        {
            throw Malformed(path, $"it has {fileBytes} bytes, and the header alone takes {HeaderBytes}");
        }

        int version = BitConverter.ToInt32(start[4..]);
        int count = BitConverter.ToInt32(start[8..]);
        if (version != Version)
        {
            throw Malformed(path, $"its version at byte 4 is {version}, and {Version} is known");
        }

        long expected = HeaderBytes + ((long)count * sizeof(ushort));
        if (count < 0 || expected != fileBytes)
        {
            throw Malformed(path, $"its header claims {count} tokens at byte 8, which makes {expected} bytes, and it has {fileBytes}");
        }

        return new StreamLayout(HeaderBytes, count, sizeof(ushort));
    }

    private static UserErrorException Malformed(string path, string what) =>
        new($"{path} starts like an llm.c token file but is no whole one: {what}. Copy or prepare it again.");
}
