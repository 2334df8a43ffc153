using System.Diagnostics;
using System.IO;
using NUnit.Framework;

namespace GptEngine.Tests.Perf;

/// <summary>The tests of perf/'s Python, which need the standard library alone; those that need torch skip without it.</summary>
public sealed class PerfScriptTests
{
    [Test]
    public void PythonTests_Pass()
    {
        var start = new ProcessStartInfo("python3", ["-B", "-m", "unittest", "discover", "-s", Path.Combine(Repository.Root, "perf", "tests")])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            WorkingDirectory = Repository.Root,
        };
        using Process process = Process.Start(start)!;
        System.Threading.Tasks.Task<string> output = process.StandardOutput.ReadToEndAsync();
        string error = process.StandardError.ReadToEnd();
        process.WaitForExit();
        TestContext.Out.WriteLine(error);
        Assert.That(process.ExitCode, Is.Zero, $"{output.Result}\n{error}");
        Assert.That(error, Does.Match(@"Ran [1-9]\d* tests"), "tests were found");
    }
}
