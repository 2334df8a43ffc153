using System;
using System.Diagnostics;
using System.IO;
using System.Linq;
using System.Threading.Tasks;
using GptEngine.Kernels.Attention;
using GptEngine.Tests.EndToEnd;
using NUnit.Framework;

namespace GptEngine.Tests.Perf;

/// <summary>
/// The tests of perf/'s Python, which need the standard library alone; those that need torch, or torch 2, skip without it. <c>PYTHON</c>
/// names another interpreter than python3, as for <c>./build.sh perf</c>.
/// </summary>
public sealed class PerfScriptTests
{
    private static readonly string[] Tiny =
    [
        "--preset", "quickstart", "--set", "model.n_layers=1", "--set", "model.d_model=32", "--set", "model.n_heads=2", "--micro-batch", "1",
        "--context-length", "16", "--warmup", "0", "--device", "cpu", "--threads", "1",
    ];

    [Test]
    public void PythonTests_Pass()
    {
        (int code, string output, string error) = Python("-m", "unittest", "discover", "-s", Path.Combine(Repository.Root, "perf", "tests"));
        TestContext.Out.WriteLine(error);
        Assert.That(code, Is.Zero, $"{output}\n{error}");
        Assert.That(error, Does.Match(@"Ran [1-9]\d* tests"), "tests were found");
    }

    /// <summary>On a GPU each variant is timed beside the others: the script knows them all.</summary>
    [Test]
    public void Script_TimesEveryVariantOfAttention() => Assert.That(
        File.ReadAllText(Path.Combine(Repository.Root, "perf", "gpu.sh")),
        Does.Contain($"for variant in {string.Join(' ', AttentionVariants.All.Select(AttentionVariants.WordOf))}; do"));

    [Test]
    public void WhatTheProgramWrites_IsMergedWhole()
    {
        string folder = Directory.CreateTempSubdirectory("gpt-perf-").FullName;
        try
        {
            string[][] calls =
            [
                ["bench", .. Tiny, "--steps", "3", "--precision", "fp32"],
                ["profile", .. Tiny],
                ["bench", "--kernels", "rotary", "--device", "cpu", "--threads", "1", "--kernel-seconds", "0"],
                ["selftest", "--device", "cpu", "--threads", "1", "--filter", "operations LayerNormForward"],
            ];
            string[] parts = [.. calls.Select((call, i) => Written(call, Path.Combine(folder, $"part{i}.json")))];
            string merged = Path.Combine(folder, "merged.json");
            (int code, string output, string error) = Python([Path.Combine(Repository.Root, "perf", "merge.py"), "--out", merged, .. parts]);
            Assert.That(code, Is.Zero, error);
            Assert.That(output, Does.Contain("6 records from 4 parts, 0 left out"), error);
            (code, output, error) = Python(
                Path.Combine(Repository.Root, "perf", "report.py"), "--html", Path.Combine(folder, "r.html"), "--markdown", Path.Combine(folder, "r.md"), merged);
            Assert.That(code, Is.Zero, $"{output}\n{error}");
            Assert.That(File.ReadAllText(Path.Combine(folder, "r.md")), Does.Contain("Training").And.Contain("Anatomy").And.Contain("Kernels").And.Contain("Selftest"));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static string Written(string[] call, string file)
    {
        (int code, _, string error) = GptProcess.Run([.. call, "--json", file]);
        Assert.That(code, Is.Zero, $"{string.Join(' ', call)}: {error}");
        return file;
    }

    private static (int ExitCode, string Output, string Error) Python(params string[] arguments)
    {
        var start = new ProcessStartInfo(Environment.GetEnvironmentVariable("PYTHON") ?? "python3", ["-B", .. arguments])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            WorkingDirectory = Repository.Root,
        };
        using Process process = Process.Start(start)!;
        Task<string> output = process.StandardOutput.ReadToEndAsync();
        string error = process.StandardError.ReadToEnd();
        process.WaitForExit();
        return (process.ExitCode, output.Result, error);
    }
}
