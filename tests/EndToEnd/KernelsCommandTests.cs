using System.Linq;
using NUnit.Framework;

namespace GptEngine.Tests.EndToEnd;

/// <summary><c>gpt kernels</c> as people call it, on a machine without a GPU.</summary>
public sealed class KernelsCommandTests
{
    [Test]
    public void List_HasALineAKernel()
    {
        (int code, string output, string error) = GptProcess.Run("kernels", "list");
        Assert.That(code, Is.Zero, error);
        Assert.That(output, Does.Contain("adamw<Half>").And.Contain("LayerNorm/layer_norm.cu"));
    }

    [Test]
    [RequiresNvrtc]
    public void Show_PrintsPtx()
    {
        (int code, string output, string error) = GptProcess.Run("kernels", "show", "embedding_order", "--arch", "sm_70");
        Assert.That(code, Is.Zero, error);
        Assert.That(output, Does.Contain(".target sm_70").And.Contain("embedding_order"));
    }

    [Test]
    [RequiresNvrtc]
    public void Check_PrintsAVerdictForEachKernelAndArchitecture()
    {
        (int code, string output, string error) = GptProcess.Run("kernels", "check", "gradient", "norm", "--arch", "sm_70,sm_90");
        Assert.That(code, Is.Zero, error);
        string[] lines = output.TrimEnd().Split('\n');
        Assert.That(lines[0].Split(' ', System.StringSplitOptions.RemoveEmptyEntries), Is.EqualTo(new[] { "kernel", "sm_70", "sm_90" }));
        Assert.That(lines.Single(line => line.StartsWith("gradient_norm_partials", System.StringComparison.Ordinal)), Does.Match("clean +clean$"));
        Assert.That(lines[^1], Does.EndWith("Nothing found."));
    }

    [Test]
    [RequiresNvrtc]
    public void Profile_PrintsCountersBesideTheLeastAndTheRoofline()
    {
        (int code, string output, string error) = GptProcess.Run("kernels", "profile", "AdamW", "fp16", "--gpu", "V100");
        Assert.That(code, Is.Zero, error);
        Assert.That(output, Does.Contain("900 GB/s").And.Contain("adamw<Half>").And.Contain("roofline").And.Contain("memory").And.Match("least +1920.0 KiB"));
    }

    [TestCase(new[] { "kernels" }, "check")]
    [TestCase(new[] { "kernels", "chekc" }, "'check'")]
    [TestCase(new[] { "kernels", "check", "convolution" }, "layer norm forward")]
    [TestCase(new[] { "kernels", "check", "--arch", "sm_75" }, "sm_70,sm_80,sm_90")]
    [TestCase(new[] { "kernels", "profile", "--gpu", "B200" }, "V100, A100 or H200")]
    [TestCase(new[] { "kernels", "profile", "attention", "--gpus", "V100" }, "no option '--gpus'. Did you mean '--gpu'")]
    [TestCase(new[] { "kernels", "show", "--nope" }, "no option '--nope'")]
    [TestCase(new[] { "kernels", "compile", "--arch", "volta" }, "sm_70")]
    [TestCase(new[] { "kernels", "compile", "--arch", "sm_70,sm_35" }, "no table of limits for sm_35. Known are sm_70, ")]
    [TestCase(new[] { "kernels", "show" }, "gpt kernels show --help")]
    [TestCase(new[] { "kernels", "show", "gelu" }, "gpt kernels list")]
    [TestCase(new[] { "kernels", "show", "embedding_order", "--ptx", "--sass" }, "--sass")]
    public void WrongCall_Exits2_WithTheRemedy(string[] call, string remedy)
    {
        (int code, string output, string error) = GptProcess.Run(call);
        Assert.That(code, Is.EqualTo(2), error);
        Assert.That(output, Is.Empty);
        Assert.That(error, Does.Contain(remedy));
    }

    [Test]
    public void Compare_TwoSimulatedGpus_AgreeOnEveryInstruction()
    {
        (int code, string output, string error) = GptProcess.Run("kernels", "compare", "--with", "sm_80", "--inputs", "32", "--all");
        Assert.That(code, Is.Zero, error);
        Assert.That(output, Does.Contain("fma.rn.f32").And.Contain("same bits").And.Contain(" 0 apart."));
    }
}
