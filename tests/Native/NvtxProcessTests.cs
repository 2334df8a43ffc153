using System;
using System.Diagnostics;
using System.IO;
using System.Linq;
using System.Text.RegularExpressions;
using GptEngine.Tests.EndToEnd;
using NUnit.Framework;

namespace GptEngine.Tests.Native;

/// <summary>The real program under a tool that listens to NVTX ranges: a library in C that attaches itself as Nsight's do. Needs a C compiler.</summary>
public sealed class NvtxProcessTests
{
    // Depth and name, as the steps of one layer and two micro-steps must nest; * stands for the number.
    private static readonly string[] Step =
    [
        "0 step *",
        "1 micro-step 0", "2 forward", "3 embedding", "3 layer 0", "4 attention", "4 mlp", "3 final norm", "2 head",
        "2 backward", "3 final norm", "3 layer 0", "4 mlp", "4 attention", "3 embedding",
        "1 micro-step 1", "2 forward", "3 embedding", "3 layer 0", "4 attention", "4 mlp", "3 final norm", "2 head",
        "2 backward", "3 final norm", "3 layer 0", "4 mlp", "4 attention", "3 embedding",
        "1 update",
    ];

    private string _folder = null!;
    private string _library = null!;

    [OneTimeSetUp]
    public void BuildLibrary()
    {
        _folder = Directory.CreateTempSubdirectory("nvtx").FullName;
        _library = Path.Combine(_folder, "libtool.so");
        try
        {
            using Process compiler = Process.Start(
                "cc", ["-shared", "-fPIC", "-w", "-o", _library, Path.Combine(AppContext.BaseDirectory, "Native", "fake_nvtx_tool.c")]);
            compiler.WaitForExit();
            Assert.That(compiler.ExitCode, Is.Zero, "the C compiler refuses fake_nvtx_tool.c");
        }
        catch (System.ComponentModel.Win32Exception)
        {
            Assert.Ignore("this machine has no C compiler, called cc");
        }
    }

    [OneTimeTearDown]
    public void RemoveLibrary() => Directory.Delete(_folder, recursive: true);

    [Test]
    public void Steps_ReachTheTool_NestedOnOneThread_UnderTheirNames()
    {
        (int code, string error, string[] heard) = Run(
            "profile", "--device", "cpu", "--threads", "1", "--preset", "quickstart", "--set", "model.n_layers=1", "--set", "model.d_model=32", "--set", "model.n_heads=2",
            "--micro-batch", "1", "--context-length", "16", "--micro-steps", "2", "--warmup", "1");
        Assert.That(code, Is.Zero, error);
        string[] pushed = [.. heard.Where(line => line.Contains(" push ", StringComparison.Ordinal))];
        string[] names = [.. pushed.Select(line => Regex.Replace(line, @"^\d+ push (\d+) \d+ (.*)$", "$1 $2")).Select(line => Regex.Replace(line, @"^0 step \d+$", "0 step *"))];
        Assert.That(names.Length % Step.Length, Is.Zero, string.Join('\n', names.Take(40)));
        Assert.That(names.Chunk(Step.Length), Is.All.EqualTo(Step));
        Assert.That(heard.Count(line => line.Contains(" pop ", StringComparison.Ordinal)), Is.EqualTo(pushed.Length));
        Assert.That(pushed.Select(line => line.Split(' ')[0]).Distinct().Count(), Is.EqualTo(1), "one thread");
        Assert.That(pushed.Select(line => line.Split(' ')[3]).Distinct(), Is.EquivalentTo(new[] { "1", "2", "3", "4", "5", "6" }), "each kind has its category");
        Assert.That(heard.Select(line => line[(line.IndexOf(' ', StringComparison.Ordinal) + 1)..]), Does.Contain("category 4 Layer"));
    }

    [Test]
    public void Doctor_NamesTheToolThatListens()
    {
        using var process = new GptProcess("", [("NVTX_INJECTION64_PATH", _library), ("NVTX_HEARD", Path.Combine(_folder, "doctor"))], [GptProcess.Path], ["doctor"]);
        Assert.That(process.Wait().Output, Does.Match($@"(?m)^nvtx +{Regex.Escape(_library)} listens$"));
    }

    private (int Code, string Error, string[] Heard) Run(params string[] call)
    {
        string file = Path.Combine(_folder, "heard");
        using var process = new GptProcess("", [("NVTX_INJECTION64_PATH", _library), ("NVTX_HEARD", file)], [GptProcess.Path], call);
        (int code, _, string error) = process.Wait();
        return (code, error, File.Exists(file) ? File.ReadAllLines(file) : []);
    }
}
