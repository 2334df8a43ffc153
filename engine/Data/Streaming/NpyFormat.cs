using System;
using System.Text;
using System.Text.RegularExpressions;
using GptEngine.Runtime;

namespace GptEngine.Engine.Data.Streaming;

/// <summary>The header of a NumPy <c>.npy</c> file. Source: numpy.lib.format, versions 1 to 3.</summary>
internal static partial class NpyFormat
{
    /// <summary>The header's size as this program writes it: room for any count, and aligned to 64 bytes as NumPy has it.</summary>
    public const int WrittenHeaderBytes = 128;

    // A header of a one-dimensional array takes some 100 bytes; anything much longer is no such header.
    private const int LongestHeader = 4096;

    public static ReadOnlySpan<byte> Magic => [0x93, (byte)'N', (byte)'U', (byte)'M', (byte)'P', (byte)'Y'];

    /// <summary>Reads the header of a one-dimensional array of uint16 or uint32.</summary>
    /// <exception cref="UserErrorException">It is anything else, or does not fit the file.</exception>
    public static StreamLayout Parse(string path, ReadOnlySpan<byte> start, long fileBytes)
    {
        if (start.Length < 12)
        {
            throw Malformed(path, "its header is cut off");
        }

        int major = start[6];
        int lengthBytes = major == 1 ? 2 : 4;
        if (major is < 1 or > 3)
        {
            throw Malformed(path, $"its version is {major}, and 1 to 3 are known");
        }

        uint length = major == 1 ? BitConverter.ToUInt16(start[8..]) : BitConverter.ToUInt32(start[8..]);
        if (length > LongestHeader || 8 + lengthBytes + length > fileBytes || 8 + lengthBytes + (int)length > start.Length)
        {
            throw Malformed(path, $"its header claims {length} bytes");
        }

        string header = Encoding.Latin1.GetString(start.Slice(8 + lengthBytes, (int)length));
        Match match = HeaderPattern().Match(header);
        if (!match.Success)
        {
            throw Malformed(path, "its header describes no one-dimensional array of uint16 or uint32");
        }

        int tokenBytes = match.Groups["size"].ValueSpan[0] - '0';
        if (!long.TryParse(match.Groups["count"].ValueSpan, out long count))
        {
            throw Malformed(path, $"its shape ({match.Groups["count"].ValueSpan},) is too large");
        }

        long offset = 8 + lengthBytes + length;
        if ((fileBytes - offset) % tokenBytes != 0 || (fileBytes - offset) / tokenBytes != count)
        {
            throw Malformed(path, $"its header claims {count} tokens of {tokenBytes} bytes, and {fileBytes - offset} bytes follow");
        }

        return new StreamLayout(offset, count, tokenBytes);
    }

    private static UserErrorException Malformed(string path, string what) =>
        new($"{path} is no usable .npy token stream: {what}. Write it again with numpy.save from a one-dimensional uint16 or uint32 array.");

    // NumPy writes the keys sorted; the dictionary is otherwise free, but no program writes it differently.
    [GeneratedRegex(@"\A\{'descr': '<u(?<size>[24])', 'fortran_order': (?:False|True), 'shape': \((?<count>[0-9]{1,19}),\), ?\}\s*\z")]
    private static partial Regex HeaderPattern();
}
