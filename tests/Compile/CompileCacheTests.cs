using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Text;
using System.Threading;
using System.Threading.Tasks;
using GptEngine.Runtime.Compile;
using NUnit.Framework;

namespace GptEngine.Tests.Compile;

public sealed class CompileCacheTests
{
    private static readonly CompileRequest Request = new(
        new("k.cu", "source"), [new("h.cuh", "header")], ["k<1>", "k<2>"], new(8, 0), ImageFormat.Ptx);

    private string _folder = "";

    [SetUp]
    public void MakeFolder() => _folder = Directory.CreateTempSubdirectory("gptengine-cache-").FullName;

    [TearDown]
    public void RemoveFolder() => Directory.Delete(_folder, recursive: true);

    [Test]
    public void GetOrCompile_Twice_CompilesOnce()
    {
        var compiler = new CountingCompiler();
        (CompiledImage first, CacheOutcome stored) = new CompileCache(compiler, _folder).GetOrCompile(Request);
        (CompiledImage second, CacheOutcome hit) = new CompileCache(compiler, _folder).GetOrCompile(Request);

        Assert.That((stored, hit), Is.EqualTo((CacheOutcome.Stored, CacheOutcome.Hit)));
        Assert.That(compiler.Count, Is.EqualTo(1));
        Assert.That(second.Ptx, Is.EqualTo(first.Ptx));
        Assert.That(second.Log, Is.EqualTo(first.Log));
        Assert.That(second.LoweredNames, Is.EqualTo(first.LoweredNames));
        Assert.That(second.CompilerVersion, Is.EqualTo(first.CompilerVersion));
    }

    [Test]
    public void PathOf_AnythingChanges_IsAnotherKey()
    {
        CompileRequest[] others =
        [
            Request,
            Request with { Source = new("k.cu", "source ") },
            Request with { Source = new("l.cu", "source") },
            Request with { Headers = [new("h.cuh", "other")] },
            Request with { Headers = [new("i.cuh", "header")] },
            Request with { Headers = [] },
            Request with { NameExpressions = ["k<1>", "k<3>"] },
            Request with { NameExpressions = ["k<1>k<2>"] },
            Request with { Target = new(9, 0) },
            Request with { Format = ImageFormat.Cubin },
            Request with { IsArchitectureSpecific = true },
            Request with { Options = ["-lineinfo", "--std=c++17"] },
        ];
        var cache = new CompileCache(new CountingCompiler(), _folder);
        var newer = new CompileCache(new CountingCompiler { Version = new(12, 5) }, _folder);

        IEnumerable<string> paths = others.Select(cache.PathOf).Append(newer.PathOf(Request));

        Assert.That(paths, Is.Unique);
    }

    [TestCase(0)]
    [TestCase(10)]
    [TestCase(-1)]
    public void GetOrCompile_DamagedByte_CompilesAnewAndRepairs(int place)
    {
        var compiler = new CountingCompiler();
        var cache = new CompileCache(compiler, _folder);
        _ = cache.GetOrCompile(Request);
        string path = cache.PathOf(Request);
        byte[] bytes = File.ReadAllBytes(path);
        bytes[place < 0 ? bytes.Length + place : place] ^= 0x10;
        File.WriteAllBytes(path, bytes);

        Assert.That(cache.GetOrCompile(Request).Outcome, Is.EqualTo(CacheOutcome.Repaired));
        Assert.That(cache.GetOrCompile(Request).Outcome, Is.EqualTo(CacheOutcome.Hit));
        Assert.That(compiler.Count, Is.EqualTo(2));
    }

    [Test]
    public void GetOrCompile_CutShort_CompilesAnew([Values(0, 5, 31, 32, 60)] int length)
    {
        var cache = new CompileCache(new CountingCompiler(), _folder);
        _ = cache.GetOrCompile(Request);
        string path = cache.PathOf(Request);
        File.WriteAllBytes(path, File.ReadAllBytes(path)[..length]);

        Assert.That(cache.GetOrCompile(Request).Outcome, Is.EqualTo(CacheOutcome.Repaired));
    }

    [Test]
    public void GetOrCompile_ParallelWriters_AllGetWholeImages()
    {
        var compiler = new CountingCompiler();
        string[] texts = new string[16];

        Parallel.For(0, texts.Length, new ParallelOptions { MaxDegreeOfParallelism = 4 }, i =>
            texts[i] = new CompileCache(compiler, _folder).GetOrCompile(Request).Image.Ptx);

        Assert.That(texts.Distinct().Count(), Is.EqualTo(1));
        Assert.That(Directory.EnumerateFiles(_folder, "*", SearchOption.AllDirectories).Count(), Is.EqualTo(1), "no temporary file stays");
    }

    [Test]
    public void GetOrCompile_FolderCannotBeMade_StillCompiles()
    {
        string file = Path.Combine(_folder, "file");
        File.WriteAllText(file, "");
        var cache = new CompileCache(new CountingCompiler(), Path.Combine(file, "cache"));

        Assert.That(cache.GetOrCompile(Request).Outcome, Is.EqualTo(CacheOutcome.NotStored));
    }

    private sealed class CountingCompiler : IKernelCompiler
    {
        private int _count;

        public int Count => _count;

        public Version Version { get; init; } = new(12, 4);

        public CompiledImage Compile(CompileRequest request)
        {
            Interlocked.Increment(ref _count);
            var names = request.NameExpressions.ToDictionary(name => name, name => $"_Z{name.Length}");
            return new CompiledImage(request.Format, request.Target, Encoding.ASCII.GetBytes(new string('x', 5000) + '\0'), "log", names, Version);
        }
    }
}
