using System;
using System.IO;
using System.Text;
using GptEngine.Runtime;

namespace GptEngine.Gpt.Terminal;

/// <summary>Where <c>--json</c> writes a record a line.</summary>
internal static class JsonLines
{
    /// <param name="path">A file, <c>-</c> for standard output, or null for none.</param>
    /// <exception cref="UserErrorException">The file cannot be written.</exception>
    public static TextWriter? Open(string? path) => path switch
    {
        null => null,
        "-" => Console.Out,
        _ => Create(path),
    };

    private static StreamWriter Create(string path)
    {
        try
        {
            return new StreamWriter(path, append: false, new UTF8Encoding(false));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or NotSupportedException)
        {
            throw new UserErrorException($"--json {path}: the file cannot be written ({e.Message.TrimEnd('.')}). Check the path.", ExitCode.Usage, e);
        }
    }
}
