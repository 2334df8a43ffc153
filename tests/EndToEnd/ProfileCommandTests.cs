using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Text.Json;
using NUnit.Framework;

namespace GptEngine.Tests.EndToEnd;

/// <summary><c>gpt profile</c> as people call it, its files read back.</summary>
public sealed class ProfileCommandTests
{
    private static readonly string[] Tiny =
    [
        "profile", "--preset", "quickstart", "--set", "model.n_layers=2", "--set", "model.d_model=32", "--set", "model.n_heads=2", "--micro-batch", "1",
        "--context-length", "16", "--micro-steps", "2", "--warmup", "1", "--threads", "1",
    ];

    private string _folder = "";

    [SetUp]
    public void CreateFolder() => _folder = Directory.CreateTempSubdirectory("gpt-profile").FullName;

    [TearDown]
    public void DeleteFolder() => Directory.Delete(_folder, recursive: true);

    [Test]
    public void Cpu_AccountsForEveryOperation_ByLayerAndPass()
    {
        (string output, JsonElement json, JsonElement trace) = Profile("--device", "cpu");
        Assert.That(output, Does.Contain("linear forward 32→128").And.Contain("AdamW").And.Contain("without a profile"));
        string[] names = [.. json.GetProperty("kernels").EnumerateArray().Select(row => row.GetProperty("name").GetString()!)];
        Assert.That(names, Is.SupersetOf(new[] { "attention forward", "attention backward", "layer norm forward", "head and cross-entropy", "gradient norm" }));
        AssertCalls(json, "attention backward", 4);
        AssertAddsUp(json);
        AssertNests(trace, "CPU");
        Assert.That(output, Does.Not.Contain("collective").And.Not.Contain("waiting for ranks"));
        Assert.That(json.TryGetProperty("communication", out _), Is.False, "a process alone tells nobody anything");
    }

    [Test]
    [RequiresNvrtc]
    public void SimulatedGpu_NamesKernelsAndProducts_WithTheirCounters()
    {
        (string output, JsonElement json, JsonElement trace) = Profile("--device", "sim", "--arch", "sm_80", "--precision", "bf16", "--top", "0");
        Assert.That(output, Does.Contain("Simulated A100").And.Contain("instr"));
        Assert.That(json.GetProperty("is_estimate").GetBoolean());
        JsonElement norm = json.GetProperty("kernels").EnumerateArray().First(row => row.GetProperty("name").GetString() == "layer norm backward");
        Assert.That(norm.GetProperty("kernels").GetArrayLength(), Is.EqualTo(2), "the pass and its reduction share one statement");
        Assert.That(norm.GetProperty("counters").GetProperty("global_load_sectors").GetInt64(), Is.Positive);
        JsonElement product = json.GetProperty("kernels").EnumerateArray().First(row => row.GetProperty("name").GetString() == "(16, 32)·(32, 128)ᵀ bf16 to bf16, Bias");

        // Two layers, two micro-steps, 2·16·32·128 operations each.
        Assert.That((product.GetProperty("calls").GetInt32(), product.GetProperty("flops").GetInt64()), Is.EqualTo((4, 4 * 2 * 16 * 32 * 128)));
        Assert.That(product.GetProperty("modelled").GetBoolean(), "nothing counts the library's instructions");
        Assert.That(product.GetProperty("roofline").ValueKind, Is.EqualTo(JsonValueKind.Null));
        Assert.That(norm.TryGetProperty("modelled", out _), Is.False);
        Assert.That(output, Does.Match(@"\(16, 32\)·\(32, 128\)ᵀ bf16 to bf16, Bias .* model\n"));
        AssertAddsUp(json);
        AssertNests(trace, "compute stream");
        JsonElement kernel = trace.GetProperty("traceEvents").EnumerateArray().First(
            e => e.GetProperty("name").GetString()!.StartsWith("attention_forward", System.StringComparison.Ordinal));
        Assert.That(kernel.GetProperty("args").GetProperty("grid").GetString(), Does.StartWith("("));
        Assert.That(kernel.GetProperty("args").GetProperty("flops").GetInt64(), Is.Positive);
    }

    [Test]
    [RequiresNvrtc]
    public void SimulatedGpu_CountsProductsOfOurOwnKernel()
    {
        (_, JsonElement json, _) = Profile([("GPTENGINE_GEMM", "own")], "--device", "sim", "--arch", "sm_70", "--precision", "fp16");
        JsonElement product = json.GetProperty("kernels").EnumerateArray().First(row => row.GetProperty("name").GetString() == "(16, 32)·(32, 96)ᵀ fp16 to fp16");
        Assert.That(product.GetProperty("counters").GetProperty("float32_operations").GetInt64(), Is.GreaterThanOrEqualTo(product.GetProperty("flops").GetInt64()));
        Assert.That(product.GetProperty("roofline").GetDouble(), Is.Positive.And.LessThan(1));
        Assert.That(product.TryGetProperty("modelled", out _), Is.False);
    }

    [Test]
    [RequiresNvrtc]
    public void SimulatedRanks_ModelWhatOfTheirCommunicationIsHidden()
    {
        (string output, JsonElement json, JsonElement trace) = Profile(
            "--device", "sim", "--arch", "sm_80", "--precision", "bf16", "--gpus", "2", "--set", "training.bucket_bytes=65536");
        Assert.That(output, Does.Contain("communication, by model: "));
        JsonElement all = json.GetProperty("communication");
        Assert.That(Number(all, "seconds"), Is.EqualTo(Number(all, "wire_bytes") / 300e9).Within(1e-6).Percent, "an A100's links");
        Assert.That(Number(all, "hidden_seconds"), Is.Positive.And.LessThan(Number(all, "seconds")));
        Assert.That(Number(json.GetProperty("step_seconds"), "waiting_for_ranks"), Is.EqualTo(Number(all, "waited_seconds")).Within(1e-6).Percent);
        AssertNests(trace, "compute stream");
        Assert.That(Slices(trace, "collectives"), Has.Length.EqualTo(all.GetProperty("calls").GetInt32()));
    }

    [TestCase("whole", "all-reduce")]
    [TestCase("sharded", "reduce-scatter")]
    public void Ranks_SayWhatOfTheirCommunicationIsHidden(string optimizer, string sum)
    {
        string[] sharding = optimizer == "sharded" ? ["--set", "training.shard_optimizer=true"] : [];
        (string output, JsonElement json, JsonElement trace) = Profile([.. sharding, "--device", "cpu", "--gpus", "2"]);
        Assert.That(output, Does.Contain("among 2 ranks").And.Contain("hidden behind work").And.Contain("of waiting for ranks"));
        Assert.That(json.GetProperty("world_size").GetInt32(), Is.EqualTo(2));
        JsonElement all = json.GetProperty("communication");
        JsonElement[] collectives = [.. all.GetProperty("collectives").EnumerateArray()];
        string[] names = [.. collectives.Select(row => row.GetProperty("name").GetString()!)];
        Assert.That(names, Does.Contain($"{sum} of gradient bucket 0"));
        Assert.That(names.Any(name => name.StartsWith("all-gather", System.StringComparison.Ordinal)), Is.EqualTo(optimizer == "sharded"));
        foreach (string figure in (string[])["calls", "bytes", "wire_bytes", "seconds"])
        {
            Assert.That(collectives.Sum(row => row.GetProperty(figure).GetDouble()), Is.EqualTo(Number(all, figure)).Within(1e-9).Percent, figure);
        }

        // One queue: collectives do not overlap, so that the time in which one ran is the sum of their times.
        Assert.That(Number(all, "hidden_seconds") + Number(all, "exposed_seconds"), Is.EqualTo(Number(all, "seconds")).Within(1e-6).Percent);
        Assert.That(Number(all, "waited_seconds"), Is.GreaterThanOrEqualTo(0).And.LessThanOrEqualTo(Number(all, "exposed_seconds") + 1e-9));
        Assert.That(Number(all, "waited_seconds"), Is.LessThanOrEqualTo(Number(json.GetProperty("step_seconds"), "waiting_for_ranks") + 1e-9));
        Assert.That(json.GetProperty("kernels").EnumerateArray().Select(row => row.GetProperty("name").GetString()), Has.None.EqualTo("wait for ranks"));
        AssertNests(trace, "CPU");
        Assert.That(Slices(trace, "collectives").Select(e => e.GetProperty("name").GetString()), Is.SupersetOf(names));
        Assert.That(Slices(trace, "collectives"), Has.Length.EqualTo(all.GetProperty("calls").GetInt32()));
    }

    [TestCase("--sort", "tmie")]
    [TestCase("--timer", "cpti")]
    [TestCase("--timer", "cupti")]
    [TestCase("--top", "-1")]
    [TestCase("--micro-batch", "1,2")]
    [TestCase("--trace", "/nowhere/trace.json")]
    [TestCase("--json", "/nowhere/profile.json")]
    public void WrongValue_IsRefusedInOneSentence(string option, string value)
    {
        string[] call = option == "--micro-batch" ? [.. Tiny.Where((_, i) => i is not (9 or 10))] : Tiny;
        (int code, string output, string error) = GptProcess.Run([.. call, "--device", "cpu", option, value]);
        Assert.That(code, Is.EqualTo(2), error);
        Assert.That(output, Is.Empty);
        Assert.That(error.Trim().Split('\n'), Has.Length.EqualTo(1), error);
    }

    private (string Output, JsonElement Json, JsonElement Trace) Profile(params string[] more) => Profile([], more);

    private (string Output, JsonElement Json, JsonElement Trace) Profile((string Name, string Value)[] variables, params string[] more)
    {
        string json = Path.Combine(_folder, "profile.json");
        string trace = Path.Combine(_folder, "trace.json");
        using var process = new GptProcess("", variables, [GptProcess.Path], [.. Tiny, .. more, "--json", json, "--trace", trace]);
        (int code, string output, string error) = process.Wait();
        Assert.That(code, Is.Zero, error);
        return (output, JsonDocument.Parse(File.ReadAllBytes(json)).RootElement, JsonDocument.Parse(File.ReadAllBytes(trace)).RootElement);
    }

    private static void AssertCalls(JsonElement json, string name, int calls) => Assert.That(
        json.GetProperty("kernels").EnumerateArray().Single(row => row.GetProperty("name").GetString() == name).GetProperty("calls").GetInt32(), Is.EqualTo(calls));

    /// <summary>Kernels, layers and the timeline tell the same time.</summary>
    private static void AssertAddsUp(JsonElement json)
    {
        double busy = json.GetProperty("step_seconds").GetProperty("busy").GetDouble();
        double kernels = json.GetProperty("kernels").EnumerateArray().Sum(row => row.GetProperty("seconds").GetDouble());
        double layers = json.GetProperty("layers").EnumerateArray().Sum(
            layer => ((string[])["forward_seconds", "backward_seconds", "other_seconds"]).Sum(phase => layer.GetProperty(phase).GetDouble()));
        Assert.That(kernels, Is.EqualTo(busy).Within(1e-6).Percent);
        Assert.That(layers, Is.EqualTo(busy).Within(1e-6).Percent);
        Assert.That(
            json.GetProperty("layers").EnumerateArray().Select(layer => layer.GetProperty("name").GetString()),
            Is.EquivalentTo(new[] { "embedding", "attention", "mlp", "final norm", "head", "update" }));
    }

    /// <summary>Every track has a name, and what lies on one track is apart or one within the other.</summary>
    private static void AssertNests(JsonElement trace, string stream)
    {
        JsonElement[] events = [.. trace.GetProperty("traceEvents").EnumerateArray()];
        Dictionary<int, string> tracks = events.Where(e => e.GetProperty("name").GetString() == "thread_name").ToDictionary(
            e => e.GetProperty("tid").GetInt32(), e => e.GetProperty("args").GetProperty("name").GetString()!);
        JsonElement[] slices = [.. events.Where(e => e.GetProperty("ph").GetString() == "X")];
        Assert.That(slices.Select(e => tracks[e.GetProperty("tid").GetInt32()]).Distinct(), Is.SupersetOf(new[] { "step", "micro-steps", "passes", "layers", stream }));
        Assert.That(slices.Min(e => e.GetProperty("ts").GetDecimal()), Is.Zero);
        Assert.That(slices.Count(e => tracks[e.GetProperty("tid").GetInt32()] == "micro-steps"), Is.EqualTo(2));
        foreach (IGrouping<int, JsonElement> track in slices.GroupBy(e => e.GetProperty("tid").GetInt32()))
        {
            var open = new Stack<decimal>();
            foreach ((decimal start, decimal end) in track.Select(Span).OrderBy(span => span.Start).ThenByDescending(span => span.End))
            {
                while (open.Count > 0 && open.Peek() <= start)
                {
                    open.Pop();
                }

                Assert.That(open.Count == 0 || end <= open.Peek(), $"{tracks[track.Key]}: a slice from {start} to {end} crosses the end of another");
                open.Push(end);
            }
        }
    }

    private static double Number(JsonElement holder, string name) => holder.GetProperty(name).GetDouble();

    private static JsonElement[] Slices(JsonElement trace, string track)
    {
        JsonElement[] events = [.. trace.GetProperty("traceEvents").EnumerateArray()];
        int id = events.Single(e => e.GetProperty("name").GetString() == "thread_name" && e.GetProperty("args").GetProperty("name").GetString() == track)
            .GetProperty("tid").GetInt32();
        return [.. events.Where(e => e.GetProperty("ph").GetString() == "X" && e.GetProperty("tid").GetInt32() == id)];
    }

    private static (decimal Start, decimal End) Span(JsonElement slice)
    {
        decimal start = slice.GetProperty("ts").GetDecimal();
        return (start, start + slice.GetProperty("dur").GetDecimal());
    }
}
