using System;
using System.IO;
using System.Runtime.InteropServices;
using GptEngine.Runtime.Native;
using NUnit.Framework;

namespace GptEngine.Tests.Native;

/// <summary>Of several versions of a library the first that suits is opened. Two libraries of the C library stand in for the versions.</summary>
[Platform("Linux")]
public sealed class LibraryChoiceTests
{
    private static readonly NativeLibraryName Probe = new("probe", "GPTENGINE_PROBE", ["libprobe.so.2", "libprobe.so.1"], null, "");

    private string _folder = "";

    [SetUp]
    public void InstallTwoVersions()
    {
        _folder = Directory.CreateTempSubdirectory("gptengine-choice-").FullName;
        Install("libutil.so.1", "libprobe.so.2");
        Install("libm.so.6", "libprobe.so.1");
    }

    [TearDown]
    public void Remove() => Directory.Delete(_folder, recursive: true);

    [Test]
    public void WithoutAWish_TheNewestIsTaken() => Assert.That(Opened(null).Path, Does.EndWith("libprobe.so.2"));

    [Test]
    public void TheFirstThatSuitsIsTaken()
    {
        NativeLibraryOpening opening = Opened(handle => NativeLibrary.TryGetExport(handle, "cos", out _));
        Assert.That(opening.Path, Does.EndWith("libprobe.so.1"));
        Assert.That(NativeLibrary.TryGetExport(opening.Handle, "cos", out _), Is.True);
    }

    [Test]
    public void WhereNoneSuits_TheFirstIsOpenedForItsErrorToBeTold()
    {
        NativeLibraryOpening opening = Opened(_ => false);
        Assert.That(opening.IsOpen, Is.True);
        Assert.That(opening.Path, Does.EndWith("libprobe.so.2"));
    }

    // A DGX-1 of driver 520 (CUDA 11.8) beside wheels of CUDA 12; newer drivers; a driver that does not say.
    [TestCase(12, 70, 11080, false)]
    [TestCase(11, 70, 11080, true)]
    [TestCase(12, 70, 12000, true)]
    [TestCase(11, 70, 12020, true)]
    [TestCase(13, 70, 13000, false)]
    [TestCase(12, 70, 13000, true)]
    [TestCase(13, 90, 12080, false)]
    [TestCase(13, 90, 13000, true)]
    [TestCase(12, 90, 0, true)]
    [TestCase(0, 70, 12020, false)]
    public void CublasLt_OfACudaThatGpuAndDriverKnow_Serves(int major, int architecture, int driver, bool serves) =>
        Assert.That(GpuLibraries.MultipliesOn(major, architecture, driver), Is.EqualTo(serves));

    [Test]
    public void BareName_ItsCompanionsAreOpenedFromWhereTheLoaderFoundIt()
    {
        var probe = new NativeLibraryName("probe", "GPTENGINE_PROBE", ["libm.so.6"], "libanl.so.1", "");
        NativeLibraryOpening opening = NativeLibraries.Open(probe, new NativeSearchPlaces(_ => null), null);
        Assert.That(opening.Path, Does.StartWith("/").And.EndWith("/libm.so.6"));
        Assert.That(File.ReadAllText("/proc/self/maps"), Does.Contain(Path.Combine(Path.GetDirectoryName(opening.Path)!, "libanl.so.1")));
    }

    private NativeLibraryOpening Opened(Func<nint, bool>? suits) =>
        NativeLibraries.Open(Probe, new NativeSearchPlaces(name => name == Probe.EnvironmentVariable ? _folder : null), suits);

    // By a link the loader would find the file that it has open already.
    private void Install(string source, string name)
    {
        foreach (string folder in (string[])["/lib/x86_64-linux-gnu", "/lib/aarch64-linux-gnu", "/lib64", "/usr/lib"])
        {
            string path = Path.Combine(folder, source);
            if (File.Exists(path))
            {
                File.Copy(path, Path.Combine(_folder, name));
                return;
            }
        }

        Assert.Ignore($"There is no {source} where this test looks.");
    }
}
