using System;
using System.Buffers;
using System.IO;

namespace GptEngine.Engine.Data.Preparation;

/// <summary>Reads a stream in blocks that end where a <see cref="BlockRule"/> allows, in memory bounded by the rule.</summary>
internal sealed class BlockReader : IDisposable
{
    private readonly Stream _stream;
    private readonly BlockRule _rule;
    private byte[] _buffer;
    private int _filled;
    private bool _ended;
    private bool _started;
    private bool _dropping;

    public BlockReader(Stream stream, BlockRule rule)
    {
        _stream = stream;
        _rule = rule;
        _buffer = ArrayPool<byte>.Shared.Rent(rule.BlockBytes);
    }

    /// <summary>The next block; false at the end of the stream. The caller disposes of the block.</summary>
    public bool TryRead(out Block block)
    {
        if (_dropping)
        {
            DropToNextRecord();
        }

        while (true)
        {
            Fill();
            if (_ended)
            {
                block = _filled > 0 ? Take(_filled, isOversized: false) : default;
                return block.Bytes.Length > 0;
            }

            int cut = _rule.LastCut(_buffer.AsSpan(0, _filled));
            if (cut > 0)
            {
                block = Take(cut, isOversized: false);
                return true;
            }

            if (_filled >= _rule.LargestBytes)
            {
                cut = _rule.ForcedCut(_buffer.AsSpan(0, _filled));
                _dropping = cut == 0;
                block = Take(_dropping ? _filled : cut, isOversized: _dropping);
                return true;
            }

            Grow();
        }
    }

    public void Dispose()
    {
        ArrayPool<byte>.Shared.Return(_buffer);
        _buffer = [];
    }

    private void Fill()
    {
        while (!_ended && _filled < _buffer.Length)
        {
            int read = _stream.Read(_buffer, _filled, _buffer.Length - _filled);
            _ended = read == 0;
            _filled += read;
        }
    }

    private Block Take(int length, bool isOversized)
    {
        byte[] taken = _buffer;
        int rest = _filled - length;
        _buffer = ArrayPool<byte>.Shared.Rent(Math.Max(_rule.BlockBytes, rest));
        taken.AsSpan(length, rest).CopyTo(_buffer);
        _filled = rest;
        bool isFirst = !_started;
        _started = true;
        return new Block(taken, length, isFirst, isOversized);
    }

    private void Grow()
    {
        byte[] larger = ArrayPool<byte>.Shared.Rent(_buffer.Length * 2);
        _buffer.AsSpan(0, _filled).CopyTo(larger);
        ArrayPool<byte>.Shared.Return(_buffer);
        _buffer = larger;
    }

    private void DropToNextRecord()
    {
        _dropping = false;
        while (true)
        {
            Fill();
            int cut = _rule.FirstCut(_buffer.AsSpan(0, _filled));
            if (cut > 0)
            {
                _buffer.AsSpan(cut, _filled - cut).CopyTo(_buffer);
                _filled -= cut;
                return;
            }

            // The last bytes may be the beginning of the terminator.
            int kept = _ended ? 0 : Math.Min(_filled, 16);
            _buffer.AsSpan(_filled - kept, kept).CopyTo(_buffer);
            _filled = kept;
            if (_ended)
            {
                return;
            }
        }
    }
}
