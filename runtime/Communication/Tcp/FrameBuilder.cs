using System;
using System.Buffers;
using System.Buffers.Binary;
using System.Text;

namespace GptEngine.Runtime.Communication.Tcp;

/// <summary>Writes a frame: four bytes of payload length, one of <see cref="FrameKind"/>, the payload; all numbers little-endian.</summary>
internal sealed class FrameBuilder
{
    internal const int HeaderBytes = 5;

    private readonly ArrayBufferWriter<byte> _bytes = new();

    internal FrameBuilder(FrameKind kind)
    {
        Span<byte> header = _bytes.GetSpan(HeaderBytes);
        header[..HeaderBytes].Clear();
        header[HeaderBytes - 1] = (byte)kind;
        _bytes.Advance(HeaderBytes);
    }

    internal FrameBuilder Integer(long value)
    {
        BinaryPrimitives.WriteInt64LittleEndian(_bytes.GetSpan(sizeof(long)), value);
        _bytes.Advance(sizeof(long));
        return this;
    }

    internal FrameBuilder Bytes(ReadOnlySpan<byte> value)
    {
        BinaryPrimitives.WriteInt32LittleEndian(_bytes.GetSpan(sizeof(int)), value.Length);
        _bytes.Advance(sizeof(int));
        _bytes.Write(value);
        return this;
    }

    /// <summary>Text, cut to <paramref name="longest"/> characters.</summary>
    internal FrameBuilder Text(string value, int longest) =>
        Bytes(Encoding.UTF8.GetBytes(value.Length <= longest ? value : value[..longest]));

    internal byte[] Build()
    {
        byte[] frame = _bytes.WrittenSpan.ToArray();
        BinaryPrimitives.WriteInt32LittleEndian(frame, frame.Length - HeaderBytes);
        return frame;
    }
}
