using System;
using System.Buffers.Binary;
using System.Collections.Generic;
using System.IO;
using System.Runtime.InteropServices;
using GptEngine.Engine.Model;
using GptEngine.Runtime;
using Microsoft.Win32.SafeHandles;

namespace GptEngine.Engine.Checkpoints;

/// <summary>
/// Reads tensors out of a safetensors file in pieces; the file as a whole is never in memory. Everything in the header is checked
/// against the file before the first tensor is read.
/// </summary>
public sealed class SafetensorsReader : IDisposable
{
    private readonly SafeFileHandle _file;
    private readonly string _path;
    private readonly Dictionary<string, SafetensorsEntry> _entries;
    private byte[] _piece = [];

    private SafetensorsReader(SafeFileHandle file, string path)
    {
        _file = file;
        _path = path;
        _entries = ReadHeader();
    }

    /// <summary>All tensors of the file by name.</summary>
    public IReadOnlyDictionary<string, SafetensorsEntry> Entries => _entries;

    /// <exception cref="UserErrorException">The file is missing, unreadable, or no safetensors file.</exception>
    public static SafetensorsReader Open(string path)
    {
        SafeFileHandle file;
        try
        {
            file = File.OpenHandle(path, FileMode.Open, FileAccess.Read, FileShare.Read, FileOptions.SequentialScan);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or ArgumentException or NotSupportedException)
        {
            throw new UserErrorException($"{path}: cannot be opened ({exception.Message}). Check the path.", ExitCode.Failed, exception);
        }

        try
        {
            return new SafetensorsReader(file, path);
        }
        catch (Exception exception)
        {
            file.Dispose();
            if (exception is IOException)
            {
                throw new UserErrorException($"{path}: cannot be read ({exception.Message}).", ExitCode.Failed, exception);
            }

            throw;
        }
    }

    /// <summary>Elements from <paramref name="first"/> on, as floats.</summary>
    /// <exception cref="UserErrorException">The tensor's type is no floating type, or the file cannot be read.</exception>
    public void Read(SafetensorsEntry entry, long first, Span<float> destination)
    {
        ArgumentNullException.ThrowIfNull(entry);
        if (entry.Type == Runtime.Memory.DataType.Int32)
        {
            throw new UserErrorException($"{_path}: tensor \"{entry.Name}\" holds whole numbers, where a floating type is needed.");
        }

        if (entry.Type == Runtime.Memory.DataType.Float32)
        {
            ReadRaw(entry, first, MemoryMarshal.AsBytes(destination));
            return;
        }

        int bytes = checked(destination.Length * (int)(entry.Bytes / Math.Max(1, entry.Count)));
        if (_piece.Length < bytes)
        {
            _piece = new byte[bytes];
        }

        ReadRaw(entry, first, _piece.AsSpan(0, bytes));
        ElementConversion.ToFloats(_piece.AsSpan(0, bytes), entry.Type, destination);
    }

    /// <summary>The bytes of elements from <paramref name="first"/> on.</summary>
    public void ReadRaw(SafetensorsEntry entry, long first, Span<byte> destination)
    {
        ArgumentNullException.ThrowIfNull(entry);
        long offset = first * (entry.Bytes / Math.Max(1, entry.Count));
        if (first < 0 || offset > entry.Bytes - destination.Length)
        {
            throw new ArgumentOutOfRangeException(nameof(first), first, $"{entry.Name}: {destination.Length} bytes from there are not all within it");
        }

        ReadExactly(entry.Offset + offset, destination);
    }

    public void Dispose() => _file.Dispose();

    private Dictionary<string, SafetensorsEntry> ReadHeader()
    {
        long length = RandomAccess.GetLength(_file);
        if (length < sizeof(ulong))
        {
            throw new UserErrorException($"{_path}: has {length} bytes, too few for a safetensors file. Get the file anew.");
        }

        Span<byte> prefix = stackalloc byte[sizeof(ulong)];
        ReadExactly(0, prefix);
        ulong headerBytes = BinaryPrimitives.ReadUInt64LittleEndian(prefix);
        long available = Math.Min(SafetensorsHeader.MaxBytes, length - sizeof(ulong));
        if (headerBytes > (ulong)available)
        {
            throw new UserErrorException(
                $"{_path}: announces a header of {headerBytes} bytes, and at most {available} can be one. It is truncated or no safetensors file.");
        }

        byte[] json = new byte[headerBytes];
        ReadExactly(sizeof(ulong), json);
        long dataStart = sizeof(ulong) + (long)headerBytes;
        return SafetensorsHeader.Parse(_path, json, dataStart, length - dataStart);
    }

    private void ReadExactly(long offset, Span<byte> destination)
    {
        while (destination.Length > 0)
        {
            int read = RandomAccess.Read(_file, destination, offset);
            if (read == 0)
            {
                throw new UserErrorException($"{_path}: ends at byte {offset}, {destination.Length} bytes short. Get the file anew.");
            }

            offset += read;
            destination = destination[read..];
        }
    }
}
