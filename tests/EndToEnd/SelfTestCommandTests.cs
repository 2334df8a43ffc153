using System.IO;
using System.Linq;
using System.Text.Json;
using GptEngine.Tests.Training;
using NUnit.Framework;

namespace GptEngine.Tests.EndToEnd;

/// <summary><c>gpt selftest</c> as people call it.</summary>
public sealed class SelfTestCommandTests
{
    private string _folder = null!;

    [SetUp]
    public void SetUp() => _folder = TestRuns.NewFolder();

    [TearDown]
    public void TearDown() => Directory.Delete(_folder, recursive: true);

    [Test]
    public void Cpu_OneOperation_PrintsItsErrorAndWritesEveryCase()
    {
        string file = Path.Combine(_folder, "selftest.json");
        (int code, string output, string error) = GptProcess.Run("selftest", "--device", "cpu", "--filter", "LayerNormForward", "--json", file);
        Assert.That(code, Is.Zero, output + error);
        Assert.That(output, Does.Match(@"operations\s+fp32\s+LayerNormForward\s+20\s+\S+e-\d+\s+\S+e-\d+\s+ok").And.Contain("20 cases in"));
        using var document = JsonDocument.Parse(File.ReadAllBytes(file));
        Assert.That(document.RootElement.GetProperty("passes").GetBoolean());
        Assert.That(document.RootElement.GetProperty("cases").GetArrayLength(), Is.EqualTo(20));
        Assert.That(
            document.RootElement.GetProperty("cases").EnumerateArray().Select(it => it.GetProperty("error").GetDouble() <= it.GetProperty("bound").GetDouble()),
            Has.All.True);
    }

    [Test]
    public void Cpu_IntoALog_IsALineAGroup()
    {
        (int code, string output, string error) = GptProcess.Run("selftest", "--device", "cpu", "--filter", "operations Norm");
        Assert.That(code, Is.Zero, output + error);
        string[] lines = [.. output.Split('\n').Where(line => line.StartsWith("operations", System.StringComparison.Ordinal))];
        Assert.That(
            lines.Select(line => line.Split(' ', System.StringSplitOptions.RemoveEmptyEntries)[2]),
            Is.EqualTo(new[] { "LayerNormForward", "LayerNormBackward", "GradientNorm", "GradientNormOfSquares" }));
        Assert.That(error, Is.Empty, "progress is for terminals");
    }

    [Test]
    public void Cpu_Training_ShowsTheLossesSideBySide()
    {
        (int code, string output, string error) = GptProcess.Run("selftest", "--device", "cpu", "--filter", "training");
        Assert.That(code, Is.Zero, output + error);
        Assert.That(output, Does.Contain("the same bits: losses, weights, moments").And.Contain("float64").And.Match(@"(?m)^20\s+\d\.\d{6}\s+\d\.\d{6}$"));
    }

    [Test]
    [RequiresNvrtc]
    public void Simulated_SaysWhatItLeavesOut()
    {
        (int code, string output, string error) = GptProcess.Run("selftest", "--device", "sim", "--arch", "sm_70", "--filter", "fp16 SumLosses", "--all");
        Assert.That(code, Is.Zero, output + error);
        Assert.That(output, Does.Contain("Simulated V100 (sm_70, simulated)").And.Contain("run this on it").And.Contain("SumLosses N=1025"));
    }

    [Test]
    [RequiresNvrtc]
    public void Simulated_Training_ReplaysGraphsToTheBit()
    {
        (int code, string output, string error) = GptProcess.Run("selftest", "--device", "sim", "--arch", "sm_70", "--filter", "training fp16");
        Assert.That(code, Is.Zero, output + error);
        Assert.That(output, Does.Match(@"graphs\s+1\s+ok"));
    }

    [TestCase("no such thing", "nothing has all these words")]
    [TestCase("LayerNorm bf16", "nothing has all these words")]
    public void Filter_WithoutACase_IsAWrongCall(string filter, string complaint)
    {
        (int code, string _, string error) = GptProcess.Run("selftest", "--device", "cpu", "--filter", filter);
        Assert.That(code, Is.EqualTo(2));
        Assert.That(error, Does.Contain(complaint));
    }

    [Test]
    public void Json_FileCannotBeWritten_IsToldBeforeAnythingRuns()
    {
        (int code, string output, string error) = GptProcess.Run("selftest", "--device", "cpu", "--json", Path.Combine(_folder, "no", "such", "folder.json"));
        Assert.That(code, Is.EqualTo(2));
        Assert.That(error, Does.Contain("cannot be written"));
        Assert.That(output, Does.Not.Contain("ok"));
    }
}
