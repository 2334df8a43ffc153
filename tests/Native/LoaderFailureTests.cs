using System.ComponentModel;
using System.Diagnostics;
using System.IO;
using System.Linq;
using GptEngine.Runtime.Native;
using NUnit.Framework;

namespace GptEngine.Tests.Native;

/// <summary>A library that is there and cannot be loaded is named, with the loader's reason and a remedy for that reason; it is not called missing.</summary>
[Platform("Linux")]
public sealed class LoaderFailureTests
{
    private const string Preamble = "Unable to load shared library 'x' or one of its dependencies. Consider LD_DEBUG:\n";
    private static readonly NativeLibraryName Probe = new("probe", "GPTENGINE_PROBE", ["libprobe.so.2"], null, "Install probe.");

    private string _folder = "";

    [SetUp]
    public void MakeFolder() => _folder = Directory.CreateTempSubdirectory("gptengine-loader-").FullName;

    [TearDown]
    public void RemoveFolder() => Directory.Delete(_folder, recursive: true);

    [TestCase("libnccl.so.2: cannot open shared object file: No such file or directory\n")]
    [TestCase("Error loading shared library libnccl.so.2: No such file or directory")]
    public void UnknownName_IsNoFailure(string reason) =>
        Assert.That(LoaderFailure.Read("libnccl.so.2", "libnccl.so.2", Preamble + reason), Is.Null);

    [TestCase("/lib/libc.so.6: version `GLIBC_2.38' not found (required by /opt/libnccl.so.2)", "It is built for a newer system than this one. Install")]
    [TestCase("/lib/libstdc++.so.6: version `GLIBCXX_3.4.32' not found (required by /opt/libnccl.so.2)", "It is built for a newer system than this one. Install")]
    [TestCase("libcudart.so.12: cannot open shared object file: No such file or directory", "It needs libcudart.so.12, which the loader does not find")]
    [TestCase("/opt/libnccl.so.2: undefined symbol: cudaGetDriverEntryPointByVersion", "of different versions")]
    [TestCase("/opt/libnccl.so.2: wrong ELF class: ELFCLASS32", "made for another processor")]
    [TestCase("/opt/libnccl.so.2: cannot allocate memory in static TLS block", "Install")]
    public void Reason_HasItsRemedy(string reason, string remedy)
    {
        LoaderFailure failure = LoaderFailure.Read("libnccl.so.2", "/opt/libnccl.so.2", Preamble + reason + "\n")!;
        string told = new NativeLibraryOpening(Probe, 0, null, "", [failure]).Describe();
        Assert.That(told, Does.StartWith("The library probe cannot be loaded (").And.Contain(reason).And.Contain("/opt/libnccl.so.2").And.Contain(remedy));
        Assert.That(told, Does.Not.Contain("missing").And.Not.Contain("LD_DEBUG"));
    }

    [Test]
    public void FileThatIsNoLibrary_IsNamed()
    {
        string file = Path.Combine(_folder, "libprobe.so.2");
        File.WriteAllText(file, new string('x', 4096));
        NativeLibraryOpening opening = Opened(_folder);
        Assert.That(opening.IsOpen, Is.False);
        Assert.That(opening.Failures.Select(failure => failure.File), Is.EqualTo(new[] { file }));
        Assert.That(opening.Problem, Does.StartWith($"cannot be loaded ({file}: invalid ELF header). It is damaged, or made for another processor. Install probe."));
    }

    [Test]
    public void LibraryWhoseOwnNeedsAreMissing_SaysWhich()
    {
        Compile("int other(void) { return 1; }", "libprobeneeds.so");
        Compile("int other(void); int probe(void) { return other(); }", "libprobe.so.2", "-lprobeneeds");
        File.Delete(Path.Combine(_folder, "libprobeneeds.so"));
        Assert.That(Opened(_folder).Problem, Does.Contain("libprobeneeds.so: cannot open").And.Contain("It needs libprobeneeds.so, which the loader does not find"));
    }

    [Test]
    public void NoFile_IsMissing() => Assert.That(Opened(Path.Combine(_folder, "none")).Problem, Does.StartWith("missing (GPTENGINE_PROBE is").And.Contain("does not exist"));

    private static NativeLibraryOpening Opened(string place) =>
        NativeLibraries.Open(Probe, new NativeSearchPlaces(name => name == Probe.EnvironmentVariable ? place : null), null);

    private void Compile(string source, string name, params string[] libraries)
    {
        string code = Path.Combine(_folder, "source.c");
        File.WriteAllText(code, source);
        try
        {
            using Process compiler = Process.Start("cc", ["-shared", "-fPIC", "-o", Path.Combine(_folder, name), code, $"-L{_folder}", .. libraries]);
            compiler.WaitForExit();
            Assert.That(compiler.ExitCode, Is.Zero);
        }
        catch (Win32Exception)
        {
            Assert.Ignore("this machine has no C compiler, called cc");
        }
    }
}
