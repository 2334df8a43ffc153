using System.IO;
using System.Linq;
using System.Text.Json;
using NUnit.Framework;

namespace GptEngine.Tests.EndToEnd;

/// <summary><c>gpt bench</c> as people call it.</summary>
public sealed class BenchCommandTests
{
    private static readonly string[] Tiny =
    [
        "bench", "--preset", "quickstart", "--set", "model.n_layers=1", "--set", "model.d_model=32", "--set", "model.n_heads=2", "--steps", "3",
        "--warmup", "1", "--threads", "1",
    ];

    [Test]
    public void Sweep_OnTheCpu_IsARowForEachCombination_AndJsonBesideTheTable()
    {
        JsonElement[] rows = Rows(Tiny, "--device", "cpu", "--micro-batch", "1,2", "--context-length", "8,16", "--micro-steps", "2");
        Assert.That(
            rows.Select(row => (row.GetProperty("context_length").GetInt32(), row.GetProperty("micro_batch").GetInt32())),
            Is.EqualTo(new[] { (8, 1), (8, 2), (16, 1), (16, 2) }));
        foreach (JsonElement row in rows)
        {
            AssertConsistent(row);
            Assert.That(row.GetProperty("mfu_measured").GetDouble(), Is.Positive);
            Assert.That(row.GetProperty("memory_bytes").GetProperty("process_peak").GetInt64(), Is.GreaterThan(1 << 20));
            Assert.That(row.GetProperty("mfu_datasheet").ValueKind, Is.EqualTo(JsonValueKind.Null), "no data sheet of this processor is known");
        }
    }

    [Test]
    [RequiresNvrtc]
    public void SimulatedGpu_HasARowAPrecision_WithoutRatesThatItCannotKnow()
    {
        JsonElement[] rows = Rows(Tiny, "--device", "sim", "--arch", "sm_70", "--micro-batch", "1", "--context-length", "8", "--precision", "fp32,fp16");
        Assert.That(rows.Select(row => row.GetProperty("precision").GetString()), Is.EqualTo(new[] { "fp32", "fp16" }));
        foreach (JsonElement row in rows)
        {
            AssertConsistent(row);
            Assert.That(row.GetProperty("mfu_measured").ValueKind, Is.EqualTo(JsonValueKind.Null));
            Assert.That(row.GetProperty("memory_bytes").GetProperty("device_in_use").GetInt64(), Is.Positive);
            Assert.That(row.GetProperty("versions").TryGetProperty("nvrtc", out _));
        }
    }

    [Test]
    public void Ranks_TrainTogether_AndOneOfThemTells()
    {
        JsonElement[] rows = Rows(Tiny, "--device", "cpu", "--gpus", "2", "--micro-batch", "1,2", "--context-length", "8");
        Assert.That(rows.Select(row => row.GetProperty("tokens_per_step").GetInt32()), Is.EqualTo(new[] { 16, 32 }));
        foreach (JsonElement row in rows)
        {
            AssertConsistent(row);
            Assert.That(row.GetProperty("world_size").GetInt32(), Is.EqualTo(2));
            Assert.That(row.GetProperty("transport").GetString(), Does.Contain("TCP"));
        }
    }

    [Test]
    public void RowOutOfMemory_SaysSo_AndTheSweepGoesOn()
    {
        JsonElement[] rows = Rows(Tiny, "--device", "cpu", "--micro-batch", "1000000,1", "--context-length", "1024");
        Assert.That(rows.Select(row => row.GetProperty("status").GetString()), Is.EqualTo(new[] { "out of memory", "ok" }));
        Assert.That(rows[0].GetProperty("error").GetString(), Does.Contain("MiB"));
        Assert.That(rows[0].GetProperty("tokens_per_second").ValueKind, Is.EqualTo(JsonValueKind.Null));
    }

    [Test]
    public void Json_OnStandardOutput_StandsAloneThere()
    {
        (int code, string output, string error) = GptProcess.Run([.. Tiny, "--device", "cpu", "--micro-batch", "1", "--context-length", "8", "--json", "-"]);
        Assert.That(code, Is.Zero, error);
        Assert.That(JsonDocument.Parse(output).RootElement.GetProperty("kind").GetString(), Is.EqualTo("bench"));
        Assert.That(error, Does.Contain("tokens/s"));
    }

    [TestCase("--micro-batch", "0")]
    [TestCase("--micro-batch", "4,,8")]
    [TestCase("--micro-batch", "4,x")]
    [TestCase("--context-length", "-1")]
    [TestCase("--precision", "fp8")]
    [TestCase("--steps", "0")]
    [TestCase("--warmup", "-1")]
    [TestCase("--max-seconds", "0")]
    [TestCase("--max-seconds", "NaN")]
    [TestCase("--document-length", "-5")]
    [TestCase("--peaks", "/nowhere/peaks.json")]
    [TestCase("--json", "/nowhere/rows.jsonl")]
    [TestCase("--data", "/nowhere")]
    public void WrongValue_IsRefusedInOneSentence(string option, string value)
    {
        (int code, string output, string error) = GptProcess.Run([.. Tiny, "--device", "cpu", option, value]);
        Assert.That(code, Is.EqualTo(2).Or.EqualTo(1), error);
        Assert.That(error.Trim().Split('\n'), Has.Length.EqualTo(1), error);
        Assert.That(error, Does.Not.Contain("should not have happened"));
    }

    private static JsonElement[] Rows(string[] call, params string[] more)
    {
        string file = Path.GetTempFileName();
        try
        {
            (int code, string output, string error) = GptProcess.Run([.. call, .. more, "--json", file]);
            Assert.That(code, Is.Zero, error);
            Assert.That(output, Does.Contain("tokens/s").And.Contain("FLOPs: 6 FLOPs a token"));
            Assert.That(output.Split('\n').Where(line => !line.Contains("out of memory") && !line.Contains("dotnet")), Is.All.Length.LessThanOrEqualTo(100));
            return [.. File.ReadLines(file).Select(line => JsonDocument.Parse(line).RootElement)];
        }
        finally
        {
            File.Delete(file);
        }
    }

    /// <summary>The figures of a row follow from its step times.</summary>
    private static void AssertConsistent(JsonElement row)
    {
        JsonElement step = row.GetProperty("step_seconds");
        double median = step.GetProperty("median").GetDouble();
        long tokens = row.GetProperty("tokens_per_step").GetInt64();
        int layers = 1, channels = 32, context = row.GetProperty("context_length").GetInt32();
        double flopsPerToken = (6.0 * ((12 * channels * channels * layers) + (257 * channels))) + (6.0 * layers * context * channels);
        Assert.Multiple(() =>
        {
            Assert.That(row.GetProperty("status").GetString(), Is.EqualTo("ok"));
            Assert.That(row.GetProperty("steps").GetInt32(), Is.EqualTo(3));
            Assert.That(tokens, Is.EqualTo(
                row.GetProperty("micro_batch").GetInt64() * context * row.GetProperty("micro_steps").GetInt64() * row.GetProperty("world_size").GetInt64()));
            Assert.That(median, Is.InRange(step.GetProperty("min").GetDouble(), step.GetProperty("max").GetDouble()));
            Assert.That(row.GetProperty("tokens_per_second").GetDouble(), Is.EqualTo(tokens / median).Within(1).Percent);
            Assert.That(row.GetProperty("tflops").GetDouble(), Is.EqualTo(tokens / median * flopsPerToken / 1e12).Within(1).Percent);
            Assert.That(row.GetProperty("seconds_to_first_step").GetDouble(), Is.InRange(1e-4, 300));
            Assert.That(row.GetProperty("loss").GetDouble(), Is.InRange(1, 8));
            Assert.That(row.GetProperty("command").GetString(), Does.StartWith("gpt bench --preset quickstart"));
        });
    }
}
