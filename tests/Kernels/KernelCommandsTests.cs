using System.IO;
using GptEngine.Kernels.Common;
using GptEngine.Runtime;
using GptEngine.Runtime.Compile;
using NUnit.Framework;

namespace GptEngine.Tests.Kernels;

public sealed class KernelCommandsTests
{
    [Test]
    public void List_HasALineAKernel()
    {
        using var output = new StringWriter();

        KernelCommands.List(output);

        Assert.That(output.ToString().TrimEnd().Split('\n'), Has.Length.EqualTo(KernelCatalogue.All.Length));
        Assert.That(output.ToString(), Does.Contain("adamw<Half>").And.Contain("AdamW/adamw.cu"));
    }

    [TestCase("adamw<Half>", "adamw<Half>")]
    [TestCase("layer_norm_forward<Half,true>", "layer_norm_forward<Half, true>")]
    [TestCase("embedding_ord", "embedding_order")]
    public void Find_TakesExactNamesAndUniqueStarts(string name, string expected) =>
        Assert.That(KernelCommands.Find(name).NameExpression, Is.EqualTo(expected));

    [TestCase("adamw", "3 kernels start with 'adamw'")]
    [TestCase("gelu", "No kernel starts with 'gelu'")]
    public void Find_AmbiguousOrUnknown_IsUsage(string name, string start)
    {
        UserErrorException error = Assert.Throws<UserErrorException>(() => KernelCommands.Find(name))!;

        Assert.That(error.ExitCode, Is.EqualTo(ExitCode.Usage));
        Assert.That(error.Message, Does.StartWith(start).And.Contain("adamw"));
    }

    [Test]
    [RequiresNvrtc]
    public void Show_Ptx_IsTheKernelAlone()
    {
        using var output = new StringWriter();

        KernelCommands.Show(output, "adamw<BFloat16>", new(8, 0), ImageFormat.Ptx, new CompileCache(new NvrtcCompiler(), CompileCache.DefaultFolder));

        Assert.That(output.ToString(), Does.Contain(".target sm_80").And.Contain("ld.global.v4.f32").And.Contain("cvt.rn.bf16.f32"));
    }

    [Test]
    [RequiresNvrtc]
    public void Show_Sass_IsTheKernels_OrSaysWhatIsMissing()
    {
        using var output = new StringWriter();
        void Show() => KernelCommands.Show(output, "embedding_order", new(8, 0), ImageFormat.Cubin, new CompileCache(new NvrtcCompiler(), CompileCache.DefaultFolder));

        if (Disassembler.Find() is not null)
        {
            Show();
            Assert.That(output.ToString(), Does.Contain("embedding_order").And.Contain("EXIT"));
            return;
        }

        UserErrorException error = Assert.Throws<UserErrorException>(Show)!;
        Assert.That(error.ExitCode, Is.EqualTo(ExitCode.MissingDependency));
        Assert.That(error.Message, Does.Contain("nvdisasm"));
    }
}
