using System;
using System.Buffers.Text;
using System.IO;

namespace GptEngine.Engine.Tokenization;

/// <summary>Writes bytes and ids as decimal text through a buffer of its own, which <see cref="Dispose"/> flushes.</summary>
internal sealed class IdWriter : IDisposable
{
    // An id of up to 65,535 and its separator.
    private const int LongestId = 6;

    private readonly Stream _output;
    private readonly byte[] _buffer = new byte[64 << 10];
    private int _filled;

    public IdWriter(Stream output) => _output = output;

    public void Write(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length > _buffer.Length - _filled)
        {
            Flush();
        }

        if (bytes.Length > _buffer.Length)
        {
            _output.Write(bytes);
            return;
        }

        bytes.CopyTo(_buffer.AsSpan(_filled));
        _filled += bytes.Length;
    }

    /// <summary>Writes ids with a separator between them, and before the first one unless <paramref name="isFirst"/>.</summary>
    public void WriteIds(ReadOnlySpan<ushort> ids, byte separator, bool isFirst)
    {
        foreach (ushort id in ids)
        {
            if (_buffer.Length - _filled < LongestId)
            {
                Flush();
            }

            if (!isFirst)
            {
                _buffer[_filled++] = separator;
            }

            isFirst = false;
            Utf8Formatter.TryFormat(id, _buffer.AsSpan(_filled), out int written);
            _filled += written;
        }
    }

    public void Flush()
    {
        _output.Write(_buffer, 0, _filled);
        _filled = 0;
        _output.Flush();
    }

    public void Dispose() => Flush();
}
