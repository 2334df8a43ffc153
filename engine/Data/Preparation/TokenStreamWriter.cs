using System;
using System.Buffers.Binary;
using System.IO;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;
using GptEngine.Engine.Data.Streaming;
using GptEngine.Runtime;

namespace GptEngine.Engine.Data.Preparation;

/// <summary>Writes one token stream in any of the three forms, and hashes it on the way where the form has no header to fill in.</summary>
internal sealed class TokenStreamWriter : IDisposable
{
    private readonly FileStream _file;
    private readonly TokenStreamFormat _format;
    private readonly IncrementalHash _hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);

    public TokenStreamWriter(string path, TokenStreamFormat format)
    {
        if (!BitConverter.IsLittleEndian)
        {
            throw new PlatformNotSupportedException("Token streams are little-endian, and so must the machine be.");
        }

        _file = new FileStream(path, FileMode.Create, FileAccess.ReadWrite, FileShare.None, bufferSize: 0);
        _format = format;
        _file.Write(new byte[HeaderBytes(format)]);
    }

    /// <summary>Tokens written.</summary>
    public long Tokens { get; private set; }

    /// <summary>Documents begun.</summary>
    public long Documents { get; set; }

    public void Write(ReadOnlySpan<ushort> tokens)
    {
        ReadOnlySpan<byte> bytes = MemoryMarshal.AsBytes(tokens);
        _file.Write(bytes);
        if (_format == TokenStreamFormat.Raw)
        {
            _hash.AppendData(bytes);
        }

        Tokens += tokens.Length;
    }

    /// <summary>Fills in the header, brings the file to the disk, and returns its SHA-256 in hexadecimal.</summary>
    public string Finish()
    {
        if (_format != TokenStreamFormat.Raw)
        {
            byte[] header = _format == TokenStreamFormat.Npy ? NpyHeader(Tokens) : LlmcHeader(Tokens);
            _file.Position = 0;
            _file.Write(header);
            _file.Position = 0;
            byte[] buffer = new byte[1 << 20];
            for (int read; (read = _file.Read(buffer)) > 0;)
            {
                _hash.AppendData(buffer, 0, read);
            }
        }

        _file.Flush(flushToDisk: true);
        return Convert.ToHexStringLower(_hash.GetHashAndReset());
    }

    public void Dispose()
    {
        _file.Dispose();
        _hash.Dispose();
    }

    private static int HeaderBytes(TokenStreamFormat format) => format switch
    {
        TokenStreamFormat.Npy => NpyFormat.WrittenHeaderBytes,
        TokenStreamFormat.Llmc => LlmcFormat.HeaderBytes,
        _ => 0,
    };

    private static byte[] NpyHeader(long tokens)
    {
        byte[] header = new byte[NpyFormat.WrittenHeaderBytes];
        header.AsSpan().Fill((byte)' ');
        NpyFormat.Magic.CopyTo(header);
        header[6] = 1;
        header[7] = 0;
        BinaryPrimitives.WriteUInt16LittleEndian(header.AsSpan(8), (ushort)(header.Length - 10));
        Encoding.ASCII.GetBytes($"{{'descr': '<u2', 'fortran_order': False, 'shape': ({tokens},), }}").CopyTo(header, 10);
        header[^1] = (byte)'\n';
        return header;
    }

    private static byte[] LlmcHeader(long tokens)
    {
        if (tokens > int.MaxValue)
        {
            throw new UserErrorException(
                $"llm.c's form holds at most {int.MaxValue} tokens, and the stream has {tokens}. Use --format raw or npy.");
        }

        byte[] header = new byte[LlmcFormat.HeaderBytes];
        BinaryPrimitives.WriteInt32LittleEndian(header, LlmcFormat.Magic);
        BinaryPrimitives.WriteInt32LittleEndian(header.AsSpan(4), LlmcFormat.Version);
        BinaryPrimitives.WriteInt32LittleEndian(header.AsSpan(8), (int)tokens);
        return header;
    }
}
