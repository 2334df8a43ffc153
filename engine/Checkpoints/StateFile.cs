using System;
using System.IO;
using System.Linq;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using GptEngine.Runtime;

namespace GptEngine.Engine.Checkpoints;

/// <summary>Reads and writes <c>state.json</c>, which carries its own checksum: one flipped digit of a step is as bad as one of a weight.</summary>
internal static class StateFile
{
    /// <summary>Its name within a checkpoint.</summary>
    public const string Name = "state.json";

    private const int MaxBytes = 1 << 20;
    private const long LargestCount = 1L << 60;
    private const string Zeros = "0000000000000000000000000000000000000000000000000000000000000000";

    /// <summary>Writes and flushes to disk.</summary>
    public static void Write(string folder, CheckpointState state)
    {
        byte[] json = JsonSerializer.SerializeToUtf8Bytes(state with { StateSha256 = Zeros }, CheckpointJson.Default.CheckpointState);
        string text = Encoding.UTF8.GetString(json);
        using var file = new HashedFile(Path.Combine(folder, Name));
        file.Write(Encoding.UTF8.GetBytes(Replace(text, Zeros, Hash(json))));
        file.Finish();
    }

    /// <summary>Reads and checks it.</summary>
    /// <exception cref="UserErrorException">It is missing, broken, or altered.</exception>
    public static CheckpointState Read(string folder)
    {
        string path = Path.Combine(folder, Name);
        byte[] json = SmallFile.Read(path, MaxBytes);
        CheckpointState? state;
        try
        {
            state = JsonSerializer.Deserialize(json, CheckpointJson.Default.CheckpointState);
        }
        catch (Exception exception) when (exception is JsonException or InvalidOperationException)
        {
            // The latter for text that is no Unicode.
            throw new UserErrorException($"{path}: is not the state of a checkpoint.", ExitCode.Failed, exception);
        }

        if (state is null || state.Format != CheckpointState.CurrentFormat)
        {
            throw new UserErrorException($"{path}: has format {state?.Format}; this program reads format {CheckpointState.CurrentFormat}.");
        }

        if (state.StateSha256.Length != Zeros.Length
            || Hash(Encoding.UTF8.GetBytes(Replace(Encoding.UTF8.GetString(json), state.StateSha256, Zeros))) != state.StateSha256)
        {
            throw new UserErrorException($"{path}: does not match its own checksum; it was altered or damaged.");
        }

        Check(path, state);
        return state;
    }

    // Whoever can alter the file can make its checksum fit, too.
    private static void Check(string path, CheckpointState state)
    {
        bool isPlausible = state.Step is >= 0 and <= uint.MaxValue && state.Tokens is >= 0 and <= LargestCount && state.Window is >= 0 and <= LargestCount
            && state.WindowTokens is >= 1 and <= LargestCount && state.BadSteps >= 0 && float.IsFinite(state.LossScale) && state.LossScale > 0
            && float.IsFinite(state.GoodSteps) && state.GoodSteps >= 0;
        if (!isPlausible)
        {
            throw new UserErrorException($"{path}: holds a count that cannot be; it was altered or damaged.");
        }

        // Annotations say nothing of a dictionary's values.
        if (state.Files.Any(file => file.Value?.Sha256 is null))
        {
            throw new UserErrorException($"{path}: lists a file without size and checksum; it was altered or damaged.");
        }
    }

    /// <summary>Throws unless every file of the checkpoint is there as it was written.</summary>
    /// <exception cref="UserErrorException">Names the file that is missing or altered.</exception>
    public static void Verify(string folder, CheckpointState state)
    {
        foreach ((string name, FileChecksum expected) in state.Files)
        {
            if (name != Path.GetFileName(name) || name is "" or "." or ".." || name.Contains('\0', StringComparison.Ordinal))
            {
                throw new UserErrorException($"{folder}: {Name} names a file outside the checkpoint.");
            }

            string path = Path.Combine(folder, name);
            try
            {
                using FileStream stream = File.OpenRead(path);
                if (stream.Length != expected.Bytes)
                {
                    throw new UserErrorException($"{path}: has {stream.Length} bytes where {expected.Bytes} were written; it is damaged.");
                }

                if (Convert.ToHexStringLower(SHA256.HashData(stream)) != expected.Sha256)
                {
                    throw new UserErrorException($"{path}: does not match its checksum in {Name}; it is damaged.");
                }
            }
            catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
            {
                throw new UserErrorException($"{path}: cannot be read ({exception.Message}).", ExitCode.Failed, exception);
            }
        }
    }

    // The checksum is the last value of the file; the configuration before it could hold anything.
    private static string Replace(string text, string old, string replacement)
    {
        int at = text.LastIndexOf(old, StringComparison.Ordinal);
        return at < 0 ? text : string.Concat(text.AsSpan(0, at), replacement, text.AsSpan(at + old.Length));
    }

    private static string Hash(byte[] bytes) => Convert.ToHexStringLower(SHA256.HashData(bytes));
}
