using System;
using System.IO;

namespace GptEngine.Engine.Data.Preparation;

/// <summary>
/// Reads Zstandard data, any number of frames behind each other. libzstd refuses windows above 128 MiB by itself, which bounds the memory
/// that hostile data can ask for.
/// </summary>
internal sealed unsafe class ZstandardStream : Stream
{
    private readonly Stream _compressed;
    private readonly ZstandardHandle _decompressor = ZstandardLibrary.CreateDecompressor();
    private readonly byte[] _input = new byte[128 << 10];
    private int _inputAt;
    private int _inputEnd;
    private bool _insideFrame;

    public ZstandardStream(Stream compressed) => _compressed = compressed;

    public override bool CanRead => true;

    public override bool CanSeek => false;

    public override bool CanWrite => false;

    public override long Length => throw new NotSupportedException();

    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

    /// <exception cref="InvalidDataException">The data is no Zstandard data, is damaged, or ends early.</exception>
    public override int Read(Span<byte> buffer)
    {
        while (buffer.Length > 0)
        {
            int written = Decompress(buffer);
            if (written > 0)
            {
                return written;
            }

            if (_inputAt < _inputEnd)
            {
                continue;
            }

            _inputAt = 0;
            _inputEnd = _compressed.Read(_input);
            if (_inputEnd == 0)
            {
                return _insideFrame ? throw new InvalidDataException("the Zstandard data ends in the middle") : 0;
            }
        }

        return 0;
    }

    public override void Flush()
    {
    }

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _decompressor.Dispose();
            _compressed.Dispose();
        }

        base.Dispose(disposing);
    }

    /// <summary>Decompresses what input there is. Also called without input: libzstd may hold back output that did not fit before.</summary>
    private int Decompress(Span<byte> buffer)
    {
        if (_inputAt == _inputEnd && !_insideFrame)
        {
            return 0;
        }

        fixed (byte* input = _input)
        fixed (byte* output = buffer)
        {
            ZstandardLibrary.Buffer source = new() { Memory = input, Size = (nuint)_inputEnd, Position = (nuint)_inputAt };
            ZstandardLibrary.Buffer target = new() { Memory = output, Size = (nuint)buffer.Length };
            nuint code = ZstandardLibrary.DecompressStream(_decompressor, &target, &source);
            if (ZstandardLibrary.IsError(code) != 0)
            {
                throw new InvalidDataException($"the Zstandard data is damaged: {ZstandardLibrary.ErrorName(code)}");
            }

            _insideFrame = code != 0;
            _inputAt = (int)source.Position;
            return (int)target.Position;
        }
    }
}
