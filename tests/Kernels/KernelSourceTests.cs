using System;
using System.Collections.Generic;
using System.Linq;
using System.Text.RegularExpressions;
using GptEngine.Kernels.Common;
using GptEngine.Runtime.Compile;
using NUnit.Framework;

namespace GptEngine.Tests.Kernels;

public sealed class KernelSourceTests
{
    private static readonly string[] Fields = ["Math", "Shapes", "Layout", "Writes", "Launch", "Cost", "Numerics", "Arch", "Source"];

    public static IEnumerable<string> Sources => KernelSources.Names;

    public static IEnumerable<SourceFile> Files =>
        KernelSources.Names.Select(KernelSources.Read).SelectMany(source => KernelSources.HeadersOf(source).Append(source)).DistinctBy(file => file.Name);

    [TestCaseSource(nameof(Sources))]
    public void Source_Header_HasEveryFieldInOrder(string name)
    {
        string[] lines = [.. KernelSources.Read(name).Text.Split('\n').TakeWhile(line => line.StartsWith("//", StringComparison.Ordinal))];

        Assert.That(lines[0], Does.StartWith($"// {name[(name.IndexOf('/', StringComparison.Ordinal) + 1)..]}: "));
        IEnumerable<string> fields = lines.Skip(1).Select(line => Regex.Match(line, @"^// ([A-Z]\w+) ").Groups[1].Value).Where(field => field != "");
        Assert.That(fields, Is.EqualTo(Fields));
    }

    [TestCaseSource(nameof(Files))]
    public void Source_HasNoMacrosAndNoFloatingAtomics(SourceFile file)
    {
        Assert.That(file.Text, Does.Not.Contain("#define"));
        Assert.That(file.Text, Does.Not.Match(@"\batomic(Add|Max|Min|Exch|CAS)\b"));
        Assert.That(file.Text, Does.Not.Match("#include <"), "no toolkit header: NVRTC has no include path");
    }

    [Test]
    public void Source_LineLength_IsWithinTheStyle() => Assert.That(
        from file in Files
        from line in file.Text.Split('\n')
        where line.Length > 140
        select $"{file.Name}: {line}",
        Is.Empty);
}
