using System;
using System.IO;
using System.Security.Cryptography;

namespace GptEngine.Runtime.Launching;

/// <summary>What only the ranks of a run know: from the environment, or from a file that only its owner can read.</summary>
public static class SharedSecret
{
    /// <summary>Holds the secret itself; others of the same user may see it.</summary>
    public const string Variable = "GPTENGINE_SECRET";

    /// <summary>Holds the path of the file that holds it.</summary>
    public const string FileVariable = "GPTENGINE_SECRET_FILE";

    private const int LongestFile = 4096;
    private const UnixFileMode Others =
        UnixFileMode.GroupRead | UnixFileMode.GroupWrite | UnixFileMode.GroupExecute | UnixFileMode.OtherRead | UnixFileMode.OtherWrite | UnixFileMode.OtherExecute;

    /// <summary>A new one: 256 random bits.</summary>
    public static string Create() => Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(32));

    /// <summary>The secret that the variables give.</summary>
    /// <param name="get">Reads a variable.</param>
    /// <exception cref="UserErrorException">There is none, there are two, or others can read the file.</exception>
    public static string Read(Func<string, string?> get)
    {
        ArgumentNullException.ThrowIfNull(get);
        string? given = get(Variable) is { Length: > 0 } text ? text : null;
        string? path = get(FileVariable) is { Length: > 0 } file ? file : null;
        return (given, path) switch
        {
            (null, null) => throw new UserErrorException(
                $"The ranks of this run have no secret to know each other by. Give all the same one: {FileVariable}=FILE " +
                $"(made by: umask 077; openssl rand -hex 32 > FILE), or {Variable}.",
                ExitCode.Usage),
            (not null, null) => given,
            (null, not null) => ReadFile(path),
            _ => throw new UserErrorException($"Both {Variable} and {FileVariable} are set. Leave one out.", ExitCode.Usage),
        };
    }

    private static string ReadFile(string path)
    {
        try
        {
            UnixFileMode mode = OperatingSystem.IsWindows() ? UnixFileMode.None : File.GetUnixFileMode(path);
            if ((mode & Others) != 0)
            {
                throw new UserErrorException(
                    $"{path}: others than its owner may use this file (mode {Convert.ToString((int)mode, 8)}), so it keeps no secret. Run: chmod 600 {path}",
                    ExitCode.Usage);
            }

            return new FileInfo(path).Length <= LongestFile
                ? File.ReadAllText(path).Trim()
                : throw new UserErrorException($"{path}: {FileVariable} names a file of more than {LongestFile} bytes, which is no secret.", ExitCode.Usage);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new UserErrorException($"{path}: the secret of {FileVariable} cannot be read ({e.Message.TrimEnd('.')}).", ExitCode.Usage, e);
        }
    }
}
