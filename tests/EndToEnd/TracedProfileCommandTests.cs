using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Text.Json;
using GptEngine.Tests.Data;
using GptEngine.Tests.Profiling;
using NUnit.Framework;

namespace GptEngine.Tests.EndToEnd;

/// <summary>
/// <c>gpt profile --device cuda</c> as it is called on a GPU: the program's own way through the driver and CUPTI, with kernels that NVRTC has
/// compiled and named, to a stand-in for both libraries that runs none of them.
/// </summary>
[RequiresNvrtc]
public sealed class TracedProfileCommandTests
{
    private static readonly string[] Call =
    [
        "profile", "--device", "cuda", "--preset", "quickstart", "--set", "model.n_layers=2", "--set", "model.d_model=32", "--set", "model.n_heads=2",
        "--micro-batch", "1", "--context-length", "16", "--micro-steps", "2", "--warmup", "1", "--top", "0",
    ];

    private TemporaryFolder _folder = null!;

    [OneTimeSetUp]
    public void Build()
    {
        _folder = new TemporaryFolder();
        foreach (string version in FakeCupti.Versions)
        {
            FakeCupti.Compile(version, "fake_cuda.c", Library(version));
        }
    }

    [OneTimeTearDown]
    public void RemoveFolder() => _folder.Dispose();

    [Test]
    public void Profile_IsTimedByCupti_AndAgreesWithEvents([ValueSource(typeof(FakeCupti), nameof(FakeCupti.Versions))] string version)
    {
        string file = Path.Combine(_folder.Path, $"profile-{version}.json");
        string trace = Path.Combine(_folder.Path, $"trace-{version}.json");
        (int code, string output, string error) = Run(version, [], "--json", file, "--trace", trace);
        Assert.That(code, Is.Zero, error);
        Assert.That(output, Does.Contain("times: the GPU's own records by CUPTI (interface ").And.Contain("kernel or product (CUPTI)").And.Contain("\ntimers: "), output);
        JsonElement profile = JsonDocument.Parse(File.ReadAllBytes(file)).RootElement;
        Assert.That(profile.GetProperty("timer").GetString(), Is.EqualTo("CUPTI"));
        Assert.That(profile.GetProperty("timer_note").ValueKind, Is.EqualTo(JsonValueKind.Null));

        // A launch takes 5 µs here, and by events what their own places in the stream take besides.
        JsonElement agreement = profile.GetProperty("timer_agreement");
        Assert.That(agreement.GetProperty("launches").GetInt32(), Is.GreaterThan(50));
        Assert.That(agreement.GetProperty("median_excess_seconds").GetDouble(), Is.GreaterThan(0).And.LessThan(10e-6));
        Assert.That(profile.GetProperty("step_seconds").GetProperty("gaps_for_the_host").GetDouble(), Is.GreaterThanOrEqualTo(0));
        JsonElement adamw = profile.GetProperty("kernels").EnumerateArray().Single(row => row.GetProperty("name").GetString()!.StartsWith("adamw", System.StringComparison.Ordinal));
        Assert.That(adamw.GetProperty("seconds").GetDouble(), Is.EqualTo(5e-6).Within(1e-12));
        Assert.That(adamw.GetProperty("registers").GetInt32(), Is.EqualTo(40));
        IEnumerable<JsonElement> events = JsonDocument.Parse(File.ReadAllBytes(trace)).RootElement.GetProperty("traceEvents").EnumerateArray();
        Assert.That(events.Select(one => one.GetProperty("name").GetString()), Has.Some.EqualTo("copy to device"), "uploads, which no operation enqueues");
    }

    [Test]
    public void BrokenRecords_EventsAndTheReason()
    {
        (int code, string output, string error) = Run("12.4", [("FAKE_MODE", "lost"), ("FAKE_LAUNCH", "7")]);
        Assert.That(code, Is.Zero, error);
        Assert.That(output, Does.Contain("why not CUPTI: CUPTI (interface 22) was not taken: there is no record of launch ").And.Contain("kernel or product (events)"));
        (code, output, error) = Run("12.4", [("FAKE_MODE", "lost"), ("FAKE_LAUNCH", "7")], "--timer", "cupti");
        Assert.That(code, Is.EqualTo(1), output);
        Assert.That(error, Does.Contain("there is no record of launch ").And.Contain("Take --timer events."));
    }

    [Test]
    public void AnotherToolsProcess_EventsAndTheReason()
    {
        (int code, string output, string error) = Run("12.4", [("CUDA_INJECTION64_PATH", "/nowhere/libToolsInjection64.so")]);
        Assert.That(code, Is.Zero, error);
        Assert.That(output, Does.Contain("why not CUPTI: Another tool traces this process already, as CUDA_INJECTION64_PATH says"));
        (code, _, error) = Run("12.4", [("CUDA_INJECTION64_PATH", "/nowhere/libToolsInjection64.so")], "--timer", "cupti");
        Assert.That((code, error), Is.EqualTo((3, "gpt: --timer cupti: Another tool traces this process already, as CUDA_INJECTION64_PATH says: its report has the GPU's own times.\n")));
    }

    [Test]
    public void WithoutCupti_EventsAndTheReason()
    {
        (int code, string output, string error) = Run("12.4", [("GPTENGINE_CUPTI", "/nowhere/libcupti.so.12")]);
        Assert.That(code, Is.Zero, error);
        Assert.That(output, Does.Contain("why not CUPTI: The library cupti ").And.Contain("kernel or product (events)"));
        (code, output, error) = Run("12.4", [("GPTENGINE_CUPTI", "/nowhere/libcupti.so.12")], "--timer", "events");
        Assert.That((code, error), Is.EqualTo((0, "")));
        Assert.That(output, Does.Not.Contain("CUPTI"));
    }

    private string Library(string version) => Path.Combine(_folder.Path, $"libcuda-{version}.so");

    private (int Code, string Output, string Error) Run(string version, (string Name, string Value)[] variables, params string[] more)
    {
        (string, string)[] all = [("GPTENGINE_CUDA", Library(version)), ("GPTENGINE_CUPTI", Library(version)), ("GPTENGINE_GEMM", "own"), .. variables];
        using var process = new GptProcess("", all, [GptProcess.Path], [.. Call, .. more]);
        return process.Wait();
    }
}
