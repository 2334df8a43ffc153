using System;
using System.Globalization;
using System.IO;
using System.IO.MemoryMappedFiles;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using GptEngine.Runtime;
using Microsoft.Win32.SafeHandles;

namespace GptEngine.Engine.Data.Streaming;

/// <summary>
/// A token stream on disk, memory-mapped and never loaded: raw little-endian uint16, <c>.npy</c> of uint16 or uint32, or llm.c's
/// <c>.bin</c>, told apart by how they start. Tokens are checked against the vocabulary as they are read.
/// </summary>
public sealed unsafe class TokenStream : ITokenSource, IDisposable
{
    private readonly SafeFileHandle _handle;
    private readonly MemoryMappedFile _file;
    private readonly MemoryMappedViewAccessor _view;
    private readonly byte* _tokens;
    private readonly int _tokenBytes;
    private readonly long _offsetBytes;
    private readonly long _fileBytes;

    /// <param name="path">The file.</param>
    /// <param name="vocabularySize">Every token must be below it.</param>
    /// <exception cref="UserErrorException">The file does not exist, is empty, has an odd size, or a header that does not fit it.</exception>
    public TokenStream(string path, int vocabularySize)
    {
        Name = path;
        VocabularySize = vocabularySize;
        SafeFileHandle? handle = null;
        try
        {
            handle = File.OpenHandle(path);
            _fileBytes = RandomAccess.GetLength(handle);
            StreamLayout layout = ReadLayout(path, handle, _fileBytes);
            Count = layout.Count;
            _tokenBytes = layout.TokenBytes;
            _offsetBytes = layout.OffsetBytes;
            _file = MemoryMappedFile.CreateFromFile(
                handle, mapName: null, capacity: 0, MemoryMappedFileAccess.Read, HandleInheritability.None, leaveOpen: true);
            _view = _file.CreateViewAccessor(0, _fileBytes, MemoryMappedFileAccess.Read);
            _handle = handle;
            handle = null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or NotSupportedException or ArgumentException)
        {
            throw new UserErrorException(
                $"The token stream {path} cannot be opened: {e.Message.TrimEnd('.')}. Check the path, or prepare it again.", ExitCode.Failed, e);
        }
        finally
        {
            handle?.Dispose();
        }

        byte* start = null;
        _view.SafeMemoryMappedViewHandle.AcquirePointer(ref start);
        _tokens = start + _view.PointerOffset + _offsetBytes;
    }

    /// <inheritdoc/>
    public string Name { get; }

    /// <inheritdoc/>
    public long Count { get; }

    public int VocabularySize { get; }

    /// <inheritdoc/>
    public void Read(long start, Span<int> destination)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(start);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(start, Count - destination.Length);
        CheckLength();
        uint largest = _tokenBytes == sizeof(ushort)
            ? Widen((ushort*)_tokens + start, destination)
            : Copy((uint*)_tokens + start, destination);
        if (largest >= (uint)VocabularySize)
        {
            ThrowAtFirstBadToken(start, destination);
        }
    }

    /// <inheritdoc/>
    public void Prefetch(long start, long count)
    {
        start = Math.Clamp(start, 0, Count);
        count = Math.Clamp(count, 0, Count - start);
        if (count > 0)
        {
            PosixMemory.WillNeed(_tokens + (start * _tokenBytes), count * _tokenBytes);
        }
    }

    /// <summary>Checks every token, at the speed of the disk or of memory. Opening does not: a stream may have terabytes.</summary>
    /// <exception cref="UserErrorException">A token is outside the vocabulary; the message has its offset.</exception>
    public void Validate()
    {
        int[] block = new int[64 << 10];
        for (long start = 0; start < Count; start += block.Length)
        {
            Prefetch(start + block.Length, 16 * block.Length);
            Read(start, block.AsSpan(0, (int)Math.Min(block.Length, Count - start)));
        }
    }

    public void Dispose()
    {
        _view.SafeMemoryMappedViewHandle.ReleasePointer();
        _view.Dispose();
        _file.Dispose();
        _handle.Dispose();
    }

    // Touching a mapped page that the file no longer has kills the process with SIGBUS, and no handler of this program could say why.
    private void CheckLength()
    {
        long bytes = RandomAccess.GetLength(_handle);
        if (bytes < _fileBytes)
        {
            throw new UserErrorException(
                $"The token stream {Name} had {_fileBytes} bytes when it was opened and has {bytes} now: something cut it while it was in use. " +
                "Copy or prepare it again, then resume.");
        }
    }

    private static StreamLayout ReadLayout(string path, SafeFileHandle file, long bytes)
    {
        if (bytes == 0)
        {
            throw new UserErrorException($"The token stream {path} is empty. Prepare it again.");
        }

        Span<byte> start = stackalloc byte[8192];
        start = start[..RandomAccess.Read(file, start, fileOffset: 0)];
        StreamLayout layout;
        if (start.StartsWith(NpyFormat.Magic))
        {
            layout = NpyFormat.Parse(path, start, bytes);
        }
        else if (start.Length >= sizeof(int) && MemoryMarshal.Read<int>(start) == LlmcFormat.Magic)
        {
            layout = LlmcFormat.Parse(path, start, bytes);
        }
        else if (bytes % sizeof(ushort) != 0)
        {
            throw new UserErrorException(
                $"The token stream {path} has {bytes} bytes, an odd number, so its last token at byte {bytes - 1} is cut in half. " +
                "Copy or prepare it again.");
        }
        else
        {
            layout = new StreamLayout(0, bytes / sizeof(ushort), sizeof(ushort));
        }

        return layout.Count > 0 ? layout : throw new UserErrorException($"The token stream {path} has no tokens. Prepare it again.");
    }

    /// <summary>Widens uint16 to int32 and returns the largest.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static uint Widen(ushort* source, Span<int> destination)
    {
        int i = 0;
        uint largest = 0;
        fixed (int* target = destination)
        {
            Vector256<ushort> top = Vector256<ushort>.Zero;
            for (; i <= destination.Length - Vector256<ushort>.Count; i += Vector256<ushort>.Count)
            {
                Vector256<ushort> tokens = Vector256.Load(source + i);
                top = Vector256.Max(top, tokens);
                (Vector256<uint> low, Vector256<uint> high) = Vector256.Widen(tokens);
                low.AsInt32().Store(target + i);
                high.AsInt32().Store(target + i + Vector256<int>.Count);
            }

            for (int lane = 0; lane < Vector256<ushort>.Count; lane++)
            {
                largest = Math.Max(largest, top.GetElement(lane));
            }

            for (; i < destination.Length; i++)
            {
                target[i] = source[i];
                largest = Math.Max(largest, source[i]);
            }
        }

        return largest;
    }

    /// <summary>Copies uint32 and returns the largest.</summary>
    private static uint Copy(uint* source, Span<int> destination)
    {
        uint largest = 0;
        for (int i = 0; i < destination.Length; i++)
        {
            destination[i] = (int)source[i];
            largest = Math.Max(largest, source[i]);
        }

        return largest;
    }

    private void ThrowAtFirstBadToken(long start, ReadOnlySpan<int> tokens)
    {
        int at = 0;
        while ((uint)tokens[at] < (uint)VocabularySize)
        {
            at++;
        }

        string token = ((uint)tokens[at]).ToString(CultureInfo.InvariantCulture);
        throw new UserErrorException(
            $"Token {start + at} of {Name} (byte {_offsetBytes + ((start + at) * _tokenBytes)}) is {token}, and the vocabulary has " +
            $"{VocabularySize}. Prepare the stream with the tokenizer that the model is for.");
    }
}
