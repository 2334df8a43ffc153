using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using GptEngine.Runtime;
using GptEngine.Runtime.Launching;
using GptEngine.Tests.Data;
using NUnit.Framework;

namespace GptEngine.Tests.Launching;

/// <summary>GPUs seen, processors near them, and the secret: what the launcher reads of a machine.</summary>
public sealed class LaunchPartsTests
{
    [TestCase(null, "2,0", "2,0")]
    [TestCase("4,5,6,7", "0,3", "4,7")]
    [TestCase("GPU-8932f937-d72c-4106-c12f-20bd9faed9f6, GPU-5a", "1", "GPU-5a")]
    [TestCase("MIG-GPU-8932/1/0", "0", "MIG-GPU-8932/1/0")]
    public void Visible_ChosenAmongThoseSeen(string? variable, string chosen, string expected) =>
        Assert.That(VisibleGpus.Choose(variable, [.. chosen.Split(',').Select(int.Parse)]), Is.EqualTo(expected));

    [TestCase("0,1,-1,2", 2)]
    [TestCase("", 0)]
    [TestCase("none", 0)]
    [TestCase("0,0", 0)]
    public void Visible_EndsAtTheFirstThatIsNone(string variable, int count) => Assert.That(VisibleGpus.Parse(variable), Has.Count.EqualTo(count));

    [Test]
    public void Visible_NotThere_OrTwice_IsRefused()
    {
        Assert.That(() => VisibleGpus.Choose("0,1", [2]), Throws.TypeOf<UserErrorException>().With.Message.Contains("GPU 2"));
        Assert.That(() => VisibleGpus.Choose(null, [1, 1]), Throws.TypeOf<UserErrorException>().With.Message.Contains("twice"));
    }

    [TestCase("0-3,8,10-11", new[] { 0, 1, 2, 3, 8, 10, 11 })]
    [TestCase("\n", new int[0])]
    [TestCase("5", new[] { 5 })]
    public void CpuList_ParsesAndFormats(string text, int[] expected)
    {
        Assert.That(CpuList.Parse(text), Is.EqualTo(expected));
        Assert.That(CpuList.Format(expected), Is.EqualTo(text.Trim()));
    }

    [TestCase("3-1")]
    [TestCase("a")]
    [TestCase("0-99999999")]
    [TestCase("1-2-3")]
    public void CpuList_OtherForms_AreRefused(string text) => Assert.That(() => CpuList.Parse(text), Throws.TypeOf<FormatException>());

    [TestCase(8, 3)]
    [TestCase(8, 8)]
    [TestCase(2, 4)]
    [TestCase(1, 5)]
    public void Share_IsFairAndCoversAll(int processors, int parts)
    {
        IReadOnlyList<int>[] shares = [.. Enumerable.Range(0, parts).Select(part => CpuList.Share([.. Enumerable.Range(40, processors)], part, parts))];
        Assert.That(shares.SelectMany(share => share).Distinct().Count(), Is.EqualTo(processors));
        Assert.That(shares.Max(share => share.Count) - shares.Min(share => share.Count), Is.LessThanOrEqualTo(1));
        Assert.That(shares.Select(share => share.Count), Is.All.GreaterThan(0));
    }

    [Test]
    public void Cores_TheSiblingsOfOneStandTogether()
    {
        using var folder = new TemporaryFolder();
        for (int cpu = 0; cpu < 8; cpu++)
        {
            folder.Write($"cpu{cpu}/topology/thread_siblings_list", $"{cpu % 4},{(cpu % 4) + 4}\n");
        }

        Assert.That(ProcessorCores.InOrder([0, 1, 2, 3, 4, 5, 6, 7], folder.Path), Is.EqualTo(new[] { 0, 4, 1, 5, 2, 6, 3, 7 }));
        Assert.That(ProcessorCores.InOrder([9, 8], folder.Path), Is.EqualTo(new[] { 8, 9 }), "a kernel that does not say");
    }

    [Test]
    public void Locality_AsTheKernelDescribesTheDevice()
    {
        using var folder = new TemporaryFolder();
        folder.Write("0000:8a:00.0/numa_node", "1\n");
        folder.Write("0000:8a:00.0/local_cpulist", "20-39,60-79\n");
        folder.Write("0000:06:00.0/numa_node", "-1\n");
        Assert.That(GpuLocality.MemoryNode("0000:8A:00.0", folder.Path), Is.EqualTo(1));
        Assert.That(GpuLocality.Processors("0000:8A:00.0", folder.Path), Has.Count.EqualTo(40));
        Assert.That(GpuLocality.MemoryNode("0000:06:00.0", folder.Path), Is.Null);
        Assert.That(GpuLocality.Processors("0000:06:00.0", folder.Path), Is.Empty);
    }

    [Test]
    public void Share_OfADgx1_WholeCoresOfTheGpusOwnNode()
    {
        using var folder = new TemporaryFolder();
        for (int cpu = 0; cpu < 80; cpu++)
        {
            folder.Write($"cpu{cpu}/topology/thread_siblings_list", $"{cpu % 40},{(cpu % 40) + 40}\n");
        }

        IReadOnlyList<int> first = CpuList.Parse("0-19,40-59"), second = CpuList.Parse("20-39,60-79");
        IReadOnlyList<IReadOnlyList<int>> shares = GpuLocality.Share(
            [first, first, first, first, second, second, second, second], [.. Enumerable.Range(0, 80)], folder.Path);
        Assert.That(shares.Select(share => CpuList.Format(share)), Is.EqualTo(new[]
        {
            "0-4,40-44", "5-9,45-49", "10-14,50-54", "15-19,55-59", "20-24,60-64", "25-29,65-69", "30-34,70-74", "35-39,75-79",
        }));
        Assert.That(CpuList.Format(GpuLocality.Share([first, second], [.. Enumerable.Range(0, 20)], folder.Path)[1]), Is.EqualTo("10-19"), "a node that may not be used: what may is shared");
    }

    [Test]
    public void Affinity_IsTheCallingThreads_AndCanBeTakenBack()
    {
        IReadOnlyList<int> own = ThreadAffinity.Current;
        ThreadAffinity.Set([own[^1]]);
        try
        {
            Assert.That(ThreadAffinity.Current, Is.EqualTo(new[] { own[^1] }));
        }
        finally
        {
            ThreadAffinity.Set(own);
        }

        Assert.That(ThreadAffinity.Current, Is.EqualTo(own));
    }

    [Test]
    public void Secret_FromAFileThatItsOwnerAloneCanRead()
    {
        using var folder = new TemporaryFolder();
        string path = folder.Write("secret", SharedSecret.Create() + "\n");
        File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        Assert.That(Read((SharedSecret.FileVariable, path)), Has.Length.EqualTo(64));
        Assert.That(() => Read((SharedSecret.FileVariable, path), (SharedSecret.Variable, "x")), Throws.TypeOf<UserErrorException>().With.Message.Contains("Both"));
        Assert.That(() => Read(), Throws.TypeOf<UserErrorException>().With.Message.Contains("no secret"));
        Assert.That(() => Read((SharedSecret.FileVariable, folder["none"])), Throws.TypeOf<UserErrorException>().With.Message.Contains("none"));
        File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.GroupRead);
        Assert.That(() => Read((SharedSecret.FileVariable, path)), Throws.TypeOf<UserErrorException>().With.Message.Contains("chmod 600"));
    }

    private static string Read(params (string Name, string Value)[] variables) =>
        SharedSecret.Read(name => variables.FirstOrDefault(variable => variable.Name == name).Value);
}
