using System;
using System.IO;
using GptEngine.Runtime;

namespace GptEngine.Engine.Checkpoints;

/// <summary>Reads files that must be small, whatever size they are.</summary>
internal static class SmallFile
{
    /// <exception cref="UserErrorException">The file is missing, unreadable, or larger than <paramref name="maxBytes"/>.</exception>
    public static byte[] Read(string path, int maxBytes)
    {
        try
        {
            using FileStream stream = File.OpenRead(path);
            if (stream.Length > maxBytes)
            {
                throw new UserErrorException($"{path}: has {stream.Length} bytes, and {maxBytes} are the most it can have.");
            }

            byte[] bytes = new byte[stream.Length];
            stream.ReadExactly(bytes);
            return bytes;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or ArgumentException or NotSupportedException)
        {
            throw new UserErrorException($"{path}: cannot be read ({exception.Message}). Check the path.", ExitCode.Failed, exception);
        }
    }
}
