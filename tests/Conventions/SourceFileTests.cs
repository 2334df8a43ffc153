using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Text.RegularExpressions;
using NUnit.Framework;

namespace GptEngine.Tests.Conventions;

/// <summary>The conventions of the house that a compiler does not check.</summary>
public sealed partial class SourceFileTests
{
    private const int MostLines = 400;

    private static readonly string[] Projects = ["runtime", "kernels", "engine", "tools", "tests", "perf"];
    private static readonly string[] HeaderFields = ["Math", "Shapes", "Layout", "Writes", "Launch", "Cost", "Numerics", "Arch", "Source"];

    private static string[] Kernels() => [.. Files(".cu").Select(Name).Where(name => name.StartsWith("kernels/", StringComparison.Ordinal))];

    [TestCaseSource(nameof(Kernels))]
    public void Kernel_HasAHeaderWithEveryField(string kernel)
    {
        string[] header = [.. File.ReadLines(Path.Combine(Repository.Root, kernel)).TakeWhile(line => line.StartsWith("//", StringComparison.Ordinal))];
        Assert.That(header.FirstOrDefault(), Does.StartWith($"// {Path.GetFileName(kernel)}: "));
        Assert.That(HeaderFields.Where(field => !header.Any(line => Regex.IsMatch(line, $@"^// {field}\s+\S"))), Is.Empty, "fields that are missing");
    }

    [Test]
    public void File_IsOneIdea()
    {
        (string Name, int Lines)[] longest = [.. Files(".cs", ".cu", ".cuh").Select(path => (Name(path), File.ReadLines(path).Count())).OrderByDescending(f => f.Item2)];
        Print("files", longest);
        Assert.That(longest.Where(file => file.Lines > MostLines), Is.Empty);
    }

    [Test]
    public void Method_TheLongestTen() => Print("methods", Files(".cs").SelectMany(Methods).OrderByDescending(method => method.Lines));

    [Test]
    public void Source_HasNothingLeftToDo()
    {
        IEnumerable<string> found = Files(".cs", ".cu", ".cuh")
            .SelectMany(path => File.ReadLines(path).Select((line, i) => (Where: $"{Name(path)}:{i + 1}", Line: line)))
            .Where(at => LeftToDo().IsMatch(at.Line))
            .Select(at => at.Where);
        Assert.That(found, Is.Empty);
    }

    // The formatter sees to it that a method's braces stand under its first line, at the same indentation.
    private static IEnumerable<(string Name, int Lines)> Methods(string path)
    {
        string[] lines = File.ReadAllLines(path);
        for (int i = 1; i < lines.Length; i++)
        {
            string indent = new(' ', lines[i].Length - lines[i].TrimStart().Length);
            if (lines[i] != indent + "{" || indent.Length < 4 || MethodName().Match(string.Concat(lines[Math.Max(0, i - 4)..i])) is not { Success: true } method)
            {
                continue;
            }

            int end = Array.IndexOf(lines, indent + "}", i);
            yield return ($"{Name(path)}: {method.Groups[1].Value}", end - i + 1);
        }
    }

    private static void Print(string what, IEnumerable<(string Name, int Lines)> longest)
    {
        TestContext.Out.WriteLine($"The longest {what}:");
        foreach ((string name, int lines) in longest.Take(10))
        {
            TestContext.Out.WriteLine($"{lines,5}  {name}");
        }
    }

    private static IEnumerable<string> Files(params string[] extensions) => Projects
        .SelectMany(project => Directory.EnumerateFiles(Path.Combine(Repository.Root, project), "*", SearchOption.AllDirectories))
        .Where(path => extensions.Contains(Path.GetExtension(path)))
        .Order(StringComparer.Ordinal);

    private static string Name(string path) => Path.GetRelativePath(Repository.Root, path);

    [GeneratedRegex(@"(?:public|private|internal|protected)[^;{}=]*?(\w+)(?:<[^()]*>)?\([^;{}]*$")]
    private static partial Regex MethodName();

    // Written so that this line is no hit itself.
    [GeneratedRegex(@"\b(?:TO[D]O|FIX[M]E|X[X]X|HA[C]K)\b")]
    private static partial Regex LeftToDo();
}
