using System.Collections.Generic;
using System.IO;
using System.Linq;
using GptEngine.Runtime.Native;
using NUnit.Framework;

namespace GptEngine.Tests.Native;

public sealed class NativeSearchPlacesTests
{
    private readonly Dictionary<string, string> _environment = [];
    private string _root = "";

    [SetUp]
    public void MakeMachine()
    {
        _environment.Clear();
        _root = Directory.CreateTempSubdirectory("gptengine-places-").FullName;
        _environment["HOME"] = Path.Combine(_root, "home");
    }

    [TearDown]
    public void RemoveMachine() => Directory.Delete(_root, recursive: true);

    [Test]
    public void Candidates_NothingInstalled_AsksTheLoaderNewestFirst()
    {
        string[] candidates = Candidates();

        Assert.That(candidates, Is.EqualTo(NativeLibraryName.Nvrtc.FileNames));
    }

    [Test]
    public void Candidates_VariableNamesFile_IsTheOnlyPlace()
    {
        Install("usr/local/cuda/lib64/libnvrtc.so.12");
        _environment["GPTENGINE_NVRTC"] = "/somewhere/libnvrtc.so.12";

        Assert.That(Candidates(), Is.EqualTo(new[] { "/somewhere/libnvrtc.so.12" }));
    }

    [Test]
    public void Candidates_VariableNamesFolder_TakesTheFilesThere()
    {
        string file = Install("mine/libnvrtc.so.11.2");
        _environment["GPTENGINE_NVRTC"] = Path.Combine(_root, "mine");

        Assert.That(Candidates(), Is.EqualTo(new[] { file }));
    }

    [Test]
    public void Candidates_EverythingInstalled_KeepsTheOrder()
    {
        string cache = Install("home/.cache/gptengine/nvrtc/lib/libnvrtc.so.12");
        string wheel = Install("home/.local/lib/python3.12/site-packages/nvidia/cuda_nvrtc/lib/libnvrtc.so.12");
        string local = Install("usr/local/cuda-12.4/lib64/libnvrtc.so.12");
        string named = Install("opt/cuda/lib64/libnvrtc.so.13");
        _environment["CUDA_HOME"] = Path.Combine(_root, "opt/cuda");

        Assert.That(Candidates().Where(Path.IsPathRooted), Is.EqualTo(new[] { named, local, wheel, cache }));
    }

    [Test]
    public void CacheFolder_FollowsTheVariablesInOrder()
    {
        var places = new NativeSearchPlaces(_environment.GetValueOrDefault, _root);
        Assert.That(places.CacheFolder, Is.EqualTo(Path.Combine(_root, "home/.cache/gptengine")));

        _environment["XDG_CACHE_HOME"] = "/xdg";
        Assert.That(places.CacheFolder, Is.EqualTo("/xdg/gptengine"));

        _environment["GPTENGINE_CACHE_DIR"] = "/own";
        Assert.That(places.CacheFolder, Is.EqualTo("/own"));
    }

    [Test]
    public void Describe_NotFound_SaysWhatToDo()
    {
        var opening = new NativeLibraryOpening(
            NativeLibraryName.Nvrtc, 0, null, new NativeSearchPlaces(_environment.GetValueOrDefault, _root).Looked(NativeLibraryName.Nvrtc), []);

        Assert.That(opening.Describe(), Does.StartWith("The library nvrtc is missing (looked").And.Contain("GPTENGINE_NVRTC").And.Contain("libnvrtc.so.12"));
    }

    [Test]
    public void Looked_VariableNamesNothing_SaysSo()
    {
        string folder = Directory.CreateDirectory(Path.Combine(_root, "empty")).FullName;
        Assert.That(Looked(folder), Does.StartWith($"GPTENGINE_NVRTC is {folder}, which has none of libnvrtc.so.13"));
        Assert.That(Looked("/nowhere/libnvrtc.so.12"), Is.EqualTo("GPTENGINE_NVRTC is /nowhere/libnvrtc.so.12, which does not exist"));

        string Looked(string value)
        {
            _environment["GPTENGINE_NVRTC"] = value;
            return new NativeSearchPlaces(_environment.GetValueOrDefault, _root).Looked(NativeLibraryName.Nvrtc);
        }
    }

    [Test]
    public void Locate_BareNameOnTheLoadersPath_IsThatFile()
    {
        string file = Install("there/libnccl.so.2");
        _environment["LD_LIBRARY_PATH"] = $"/nowhere::{Path.GetDirectoryName(file)}";
        var places = new NativeSearchPlaces(_environment.GetValueOrDefault, _root);
        Assert.That(places.Locate("libnccl.so.2"), Is.EqualTo(file));
        Assert.That(places.Locate("libcuda.so.1"), Is.EqualTo("libcuda.so.1"));
        Assert.That(places.Locate("/opt/libnccl.so.2"), Is.EqualTo("/opt/libnccl.so.2"));
    }

    private string[] Candidates() => [.. new NativeSearchPlaces(_environment.GetValueOrDefault, _root).Candidates(NativeLibraryName.Nvrtc)];

    private string Install(string path)
    {
        string file = Path.Combine(_root, path);
        Directory.CreateDirectory(Path.GetDirectoryName(file)!);
        File.WriteAllBytes(file, []);
        return file;
    }
}
