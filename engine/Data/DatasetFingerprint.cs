using System;
using System.Buffers.Binary;
using System.IO;
using System.Security.Cryptography;
using System.Text;
using GptEngine.Runtime;

namespace GptEngine.Engine.Data;

/// <summary>What tells two streams apart without reading all of either.</summary>
internal static class DatasetFingerprint
{
    private const int Samples = 64, SampleBytes = 1 << 16;

    /// <summary>SHA-256, in hexadecimal, over the stream's length, its checksum where one was recorded, and 64 pieces of 64 KiB spread evenly over it.</summary>
    /// <param name="path">The stream.</param>
    /// <param name="recorded">Its own SHA-256 as dataset.json has it; null for none.</param>
    /// <exception cref="UserErrorException">It cannot be read.</exception>
    public static string Of(string path, string? recorded)
    {
        try
        {
            using FileStream file = File.OpenRead(path);
            using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
            Span<byte> length = stackalloc byte[sizeof(long)];
            BinaryPrimitives.WriteInt64LittleEndian(length, file.Length);
            hash.AppendData(length);
            hash.AppendData(Encoding.UTF8.GetBytes(recorded ?? ""));
            byte[] piece = new byte[SampleBytes];
            long last = Math.Max(0, file.Length - SampleBytes);
            for (int i = 0; i < Samples; i++)
            {
                file.Position = (long)((Int128)last * i / (Samples - 1));
                hash.AppendData(piece, 0, file.ReadAtLeast(piece, piece.Length, throwOnEndOfStream: false));
            }

            return Convert.ToHexStringLower(hash.GetHashAndReset());
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new UserErrorException($"{path} cannot be read: {e.Message.TrimEnd('.')}.", ExitCode.Failed, e);
        }
    }
}
