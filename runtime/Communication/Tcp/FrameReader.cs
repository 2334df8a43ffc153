using System;
using System.Buffers.Binary;
using System.IO;
using System.Text;

namespace GptEngine.Runtime.Communication.Tcp;

/// <summary>Reads the payload of a frame, which is not to be trusted.</summary>
/// <exception cref="InvalidDataException">The payload is not what it should be.</exception>
internal ref struct FrameReader(ReadOnlySpan<byte> payload)
{
    private ReadOnlySpan<byte> _rest = payload;

    internal long Integer() => BinaryPrimitives.ReadInt64LittleEndian(Take(sizeof(long)));

    internal int Integer(int least, int most) =>
        Integer() is var value && value >= least && value <= most ? (int)value : throw new InvalidDataException($"a number is {value} and not from {least} to {most}");

    internal ReadOnlySpan<byte> Bytes(int longest)
    {
        int length = BinaryPrimitives.ReadInt32LittleEndian(Take(sizeof(int)));
        return length >= 0 && length <= longest ? Take(length) : throw new InvalidDataException($"a field has {length} bytes, and {longest} at most are allowed");
    }

    /// <summary>Text to be shown to people: what could steer a terminal is replaced.</summary>
    internal string Text(int longest)
    {
        // A character of UTF-16 takes three bytes of UTF-8 at most.
        string text = Encoding.UTF8.GetString(Bytes(3 * longest));
        return string.Create(text.Length, text, static (span, from) =>
        {
            for (int i = 0; i < span.Length; i++)
            {
                span[i] = char.IsControl(from[i]) ? '?' : from[i];
            }
        });
    }

    internal readonly void End()
    {
        if (_rest.Length > 0)
        {
            throw new InvalidDataException($"a message has {_rest.Length} bytes too many");
        }
    }

    private ReadOnlySpan<byte> Take(int bytes)
    {
        if (bytes > _rest.Length)
        {
            throw new InvalidDataException($"a message ends {bytes - _rest.Length} bytes too early");
        }

        ReadOnlySpan<byte> taken = _rest[..bytes];
        _rest = _rest[bytes..];
        return taken;
    }
}
