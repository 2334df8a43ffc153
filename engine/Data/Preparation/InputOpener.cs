using System;
using System.IO;
using System.IO.Compression;
using GptEngine.Runtime;

namespace GptEngine.Engine.Data.Preparation;

/// <summary>An input being read: its uncompressed stream, and how much of the stored one is consumed.</summary>
internal sealed class InputOpener : IDisposable
{
    private readonly Stream _stored;

    /// <param name="source">What to open.</param>
    /// <param name="standardInput">Read where the source is <c>-</c>; left open.</param>
    /// <exception cref="UserErrorException">The file cannot be opened, or libzstd is missing.</exception>
    public InputOpener(InputSource source, Stream standardInput)
    {
        if (source.Path == InputSource.StandardInput)
        {
            _stored = standardInput;
            Content = standardInput;
            return;
        }

        try
        {
            _stored = new FileStream(
                source.Path, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 0, FileOptions.SequentialScan);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new UserErrorException($"The input {source.Path} cannot be opened: {e.Message}", ExitCode.Failed, e);
        }

        Content = source.Compression switch
        {
            InputCompression.Gzip => OpenGzip(_stored),
            InputCompression.Zstandard => new ZstandardStream(_stored),
            _ => _stored,
        };
    }

    public Stream Content { get; }

    /// <summary>Bytes read of what is on disk; 0 for standard input.</summary>
    public long StoredBytesRead => _stored is FileStream file ? file.Position : 0;

    public void Dispose()
    {
        if (_stored is FileStream)
        {
            Content.Dispose();
            _stored.Dispose();
        }
    }

    private static GZipStream OpenGzip(Stream stored)
    {
        // Without it .NET takes a file that ends in the middle for a shorter one, and the rest of its text would be missing unnoticed.
        AppContext.SetSwitch("System.IO.Compression.UseStrictValidation", isEnabled: true);
        return new GZipStream(new BufferedStream(stored, 128 << 10), CompressionMode.Decompress);
    }
}
