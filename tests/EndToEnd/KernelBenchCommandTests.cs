using System.IO;
using System.Linq;
using System.Text.Json;
using GptEngine.Runtime.Cpu;
using NUnit.Framework;

namespace GptEngine.Tests.EndToEnd;

/// <summary><c>gpt bench --kernels</c> as people call it.</summary>
public sealed class KernelBenchCommandTests
{
    [Test]
    public void Cpu_HasATimeAndAFloorForEachCase()
    {
        JsonElement[] rows = Rows("bench", "--kernels", "layer_norm_forward", "--device", "cpu", "--threads", "1", "--kernel-seconds", "0");
        Assert.That(rows, Has.Length.EqualTo(3));
        foreach (JsonElement row in rows)
        {
            Assert.That(row.GetProperty("kind").GetString(), Is.EqualTo("kernel"));
            Assert.That(row.GetProperty("implementation").GetString(), Is.EqualTo("gpt"));
            Assert.That(row.GetProperty("shape").EnumerateObject().Select(size => size.Name), Is.EqualTo(new[] { "rows", "channels" }));
            (long n, long c) = (row.GetProperty("shape").GetProperty("rows").GetInt64(), row.GetProperty("shape").GetProperty("channels").GetInt64());
            Assert.That(row.GetProperty("bytes").GetInt64(), Is.GreaterThanOrEqualTo(4 * 4 * n * c), "x, delta, sum and y in fp32");
            double floor = row.GetProperty("floor_seconds").GetDouble();
            double bytes = row.GetProperty("bytes").GetInt64() / row.GetProperty("copy_bytes_per_second").GetDouble();
            double flops = row.GetProperty("flops").GetInt64() / row.GetProperty("matmul_flops_per_second").GetDouble();
            Assert.That(floor, Is.EqualTo(System.Math.Max(bytes, flops)).Within(1e-6).Percent);
            Assert.That(row.GetProperty("bound").GetString(), Is.EqualTo(bytes >= flops ? "memory" : "arithmetic"));
            JsonElement seconds = row.GetProperty("seconds");
            Assert.That(seconds.GetProperty("min").GetDouble(), Is.Positive);
            Assert.That(seconds.GetProperty("median").GetDouble(), Is.InRange(seconds.GetProperty("p10").GetDouble(), seconds.GetProperty("p90").GetDouble()));
            Assert.That(row.GetProperty("sets").GetInt32(), Is.GreaterThan(1));
            Assert.That(row.GetProperty("counters").ValueKind, Is.EqualTo(JsonValueKind.Null));
        }
    }

    [Test]
    [RequiresNvrtc]
    public void SimulatedGpu_HasCountersInPlaceOfTime()
    {
        JsonElement[] rows = Rows("bench", "--kernels", "gelu", "--device", "sim", "--arch", "sm_70", "--precision", "fp32,fp16");
        Assert.That(
            rows.Select(row => (row.GetProperty("operation").GetString(), row.GetProperty("type").GetString())),
            Is.EqualTo(new[] { ("gelu_forward", "fp32"), ("gelu_backward", "fp32"), ("gelu_forward", "fp16"), ("gelu_backward", "fp16") }));
        foreach (JsonElement row in rows)
        {
            Assert.That(row.GetProperty("seconds").ValueKind, Is.EqualTo(JsonValueKind.Null));
            Assert.That(row.GetProperty("estimate_seconds").GetDouble(), Is.Positive);
            JsonElement counters = row.GetProperty("counters");
            Assert.That(counters.GetProperty("launches").GetInt32(), Is.EqualTo(1));
            Assert.That(counters.GetProperty("least_bytes_ratio").GetDouble(), Is.EqualTo(1).Within(0.05), "an elementwise kernel moves what it must");
        }
    }

    [TestCase("own", true)]
    [TestCase("cublaslt", false)]
    [RequiresNvrtc]
    public void SimulatedGpu_CountsProductsOfOurOwnKernelAlone(string products, bool areCounted)
    {
        using var process = new GptProcess(
            "", [("GPTENGINE_GEMM", products)], [GptProcess.Path], ["bench", "--kernels", "linear_backward_input", "gelu_forward", "--device", "sim", "--arch", "sm_70", "--precision", "fp16"]);
        (int code, string output, string error) = process.Wait();
        Assert.That(code, Is.Zero, error);
        Assert.That(output, areCounted ? Does.Match(@"(?m)^linear_backward_input +rows=64 inputs=128 outputs=256 +1 ") : Does.Contain("no cases on this device in this type: linear_backward_input"));
        Assert.That(output, Does.Contain("gelu_forward").And.Contain(areCounted ? "our own kernel's, on the plain units" : "GPTENGINE_GEMM=own counts"));
    }

    [TestCase(new[] { "--kernels", "layernorm" }, "layer_norm_forward")]
    [TestCase(new[] { "--kernels", "adamw", "--precision", "tf32" }, "fp16 or bf16")]
    [TestCase(new[] { "--kernels", "adamw", "--device", "cpu", "--precision", "fp16" }, "fp32 alone")]
    [TestCase(new[] { "--kernels", "adamw", "--kernel-seconds", "-1" }, "0 to 3600")]
    [TestCase(new[] { "--kernels", "adamw", "--device", "cpu", "--json", "/nowhere/at/all.json" }, "/nowhere/at/all.json")]
    public void WrongCall_Exits2_WithTheRemedy(string[] arguments, string remedy)
    {
        (int code, string output, string error) = GptProcess.Run([.. arguments.Prepend("bench")]);
        Assert.That(code, Is.EqualTo(2), error);
        Assert.That(error, Does.Contain(remedy));
        Assert.That(output, Is.Empty);
    }

    [Test]
    public void LastLevelCache_IsTheLargestThatSaysItsSize()
    {
        string folder = Directory.CreateTempSubdirectory("gpt-caches-").FullName;
        try
        {
            foreach ((string index, string size) in new[] { ("index0", "48K\n"), ("index1", "2M\n"), ("index2", "much\n"), ("index3", "") })
            {
                Directory.CreateDirectory(Path.Combine(folder, index));
                File.WriteAllText(Path.Combine(folder, index, "size"), size);
            }

            Assert.That(CpuCaches.ReadLargest(folder), Is.EqualTo(2 << 20));
            Assert.That(CpuCaches.ReadLargest(Path.Combine(folder, "absent")), Is.Zero);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static JsonElement[] Rows(params string[] arguments)
    {
        string file = Path.GetTempFileName();
        try
        {
            (int code, string output, string error) = GptProcess.Run([.. arguments, "--json", file]);
            Assert.That(code, Is.Zero, error);
            Assert.That(output, Does.Contain("operation"));
            return [.. File.ReadLines(file).Select(line => JsonDocument.Parse(line).RootElement.Clone())];
        }
        finally
        {
            File.Delete(file);
        }
    }
}
