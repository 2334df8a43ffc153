using System;
using System.IO;
using System.Security.Cryptography;

namespace GptEngine.Engine.Checkpoints;

/// <summary>A file that is written once from start to end, its SHA-256 computed on the way, and flushed to disk when finished.</summary>
internal sealed class HashedFile : IDisposable
{
    private readonly FileStream _stream;
    private readonly IncrementalHash _hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);

    public HashedFile(string path) =>
        _stream = new FileStream(path, FileMode.CreateNew, FileAccess.Write, FileShare.None, bufferSize: 1 << 16);

    /// <summary>Size and checksum of a file that is there already.</summary>
    public static FileChecksum Measure(string path)
    {
        using FileStream stream = File.OpenRead(path);
        return new FileChecksum { Bytes = stream.Length, Sha256 = Convert.ToHexStringLower(SHA256.HashData(stream)) };
    }

    public void Write(ReadOnlySpan<byte> bytes)
    {
        _hash.AppendData(bytes);
        _stream.Write(bytes);
    }

    /// <summary>Flushes to disk; gives size and checksum.</summary>
    public FileChecksum Finish()
    {
        _stream.Flush(flushToDisk: true);
        return new FileChecksum { Bytes = _stream.Length, Sha256 = Convert.ToHexStringLower(_hash.GetHashAndReset()) };
    }

    public void Dispose()
    {
        _stream.Dispose();
        _hash.Dispose();
    }
}
