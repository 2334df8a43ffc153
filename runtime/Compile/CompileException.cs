using System;
using System.Linq;
using System.Text.RegularExpressions;

namespace GptEngine.Runtime.Compile;

/// <summary>
/// A source that does not compile. The message starts with the first error as <c>file:line: error</c>; the whole log follows it.
/// </summary>
public sealed partial class CompileException : Exception
{
    public CompileException(CompileRequest request, string log)
        : base(FirstError(request, log) + Environment.NewLine + log) => Log = log;

    /// <summary>The compiler's log as it was.</summary>
    public string Log { get; }

    private static string FirstError(CompileRequest request, string log)
    {
        if (ErrorLine().Match(log) is { Success: true } located)
        {
            return $"{located.Groups["file"].Value}:{located.Groups["line"].Value}: error: {located.Groups["text"].Value.Trim()}";
        }

        string? any = log.Split('\n').FirstOrDefault(line => line.Contains("error", StringComparison.OrdinalIgnoreCase));
        return $"{request.Source.Name}:1: error: {any?.Trim() ?? "the compiler gave no reason"}";
    }

    [GeneratedRegex(@"^(?<file>[^\s(]+)\((?<line>\d+)\): (catastrophic )?error[^:\n]*: (?<text>.*)$", RegexOptions.Multiline)]
    private static partial Regex ErrorLine();
}
