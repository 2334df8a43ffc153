using System;
using System.IO;
using System.Linq;
using System.Threading.Tasks;
using GptEngine.Runtime.Cuda;
using GptEngine.Tests.Data;
using NUnit.Framework;

namespace GptEngine.Tests.Kernels.Selection;

/// <summary>Lines that processes share.</summary>
public sealed class MeasuredFileTests
{
    private TemporaryFolder _folder = null!;

    [SetUp]
    public void SetUp() => _folder = new TemporaryFolder();

    [TearDown]
    public void TearDown() => _folder.Dispose();

    [Test]
    public void Set_IsReadByTheNext_AndKeepsWhatOthersWrote()
    {
        MeasuredFile first = Open(), second = Open();
        Assert.That(first.Set("a", "1"));
        Assert.That(second.Set("b", "2"));
        Assert.That(first.Set("c", "3"));
        second.Set("b", null);

        Assert.That(Open().Lines, Is.EquivalentTo(new[] { ("a", "1"), ("c", "3") }));
        Assert.That(first.Set("d", "4"));
        Assert.That(Open().Find("b"), Is.Null, "what another has forgotten does not come back");
        Assert.That(File.ReadLines(first.Path).First(), Is.EqualTo("# a GPU"));
        Assert.That(Directory.GetFiles(_folder.Path, "*.tmp"), Is.Empty);
    }

    [Test]
    public void Set_FromManyAtOnce_LosesNone()
    {
        Parallel.For(0, 16, new ParallelOptions { MaxDegreeOfParallelism = 2 }, i => Open().Set($"question {i}", $"{i}"));
        Assert.That(Open().Lines.Count(), Is.EqualTo(16));
    }

    [Test]
    public void Hold_KeepsOthersOut_UntilItsEnd()
    {
        MeasuredFile first = Open(), second = Open();
        IDisposable held = first.Hold(TimeSpan.Zero)!;
        Assert.That(first.Set("a", "1"), "who holds it writes");
        Assert.That(first.Hold(TimeSpan.FromMinutes(1)), Is.Null, "and does not wait for itself");
        Assert.That(second.Hold(TimeSpan.Zero), Is.Null);
        Assert.That(second.Find("a"), Is.EqualTo("1"), "and reads what there is by then");
        held.Dispose();
        using IDisposable? next = second.Hold(TimeSpan.Zero);
        Assert.That(next, Is.Not.Null);
    }

    [Test]
    public void Set_WhereNothingCanBeWritten_IsKeptInTheProcess()
    {
        var file = new MeasuredFile(Path.Combine(_folder.Write("file", ""), "folder"), "a GPU");
        Assert.That(file.Set("a", "1"), Is.False);
        Assert.That(file.Set("b", "2"), Is.False);
        Assert.That(file.Lines, Is.EquivalentTo(new[] { ("a", "1"), ("b", "2") }));
    }

    [TestCase("a\tb")]
    [TestCase("a\nb")]
    [TestCase("a\rb")]
    public void Set_TextThatIsNoLine_IsRefused(string text)
    {
        Assert.That(() => Open().Set(text, "1"), Throws.ArgumentException);
        Assert.That(() => Open().Set("a", text), Throws.ArgumentException);
    }

    /// <summary>What another hand has written there.</summary>
    [TestCase("")]
    [TestCase("a")]
    [TestCase("a\tb\tc\n\t\t\n")]
    public void Find_LinesOfAnotherForm_AreLeftOut(string content)
    {
        MeasuredFile file = Open();
        File.WriteAllText(file.Path, content + "\nx\ty\n");
        Assert.That(Open().Lines, Is.EqualTo(new[] { ("x", "y") }));
    }

    private MeasuredFile Open() => new(_folder.Path, "a GPU");
}
