using System;
using System.IO;
using System.IO.Compression;
using System.Linq;
using System.Text;
using GptEngine.Runtime;
using NUnit.Framework;

namespace GptEngine.Tests.Data.Preparation;

public sealed class CompressedInputTests
{
    private static readonly string Text = string.Concat(Enumerable.Range(0, 20_000).Select(i => $"Line {i} of the text, number {i * i}.\n"));

    /// <summary>The first two KiB of <see cref="Text"/> as one frame of the zstd program, and "behind it" as a second frame.</summary>
    private static byte[] Zstandard => File.ReadAllBytes(
        Path.Combine(TestContext.CurrentContext.TestDirectory, "Golden", "compressed", "two-frames.txt.zst"));

    [Test]
    public void Run_ZstandardFrames_AreReadOneAfterTheOther()
    {
        using TemporaryFolder folder = new();
        PrepareRun.Run(PrepareRun.Options(folder, folder.Write("in.txt.zst", Zstandard)));
        Assert.That(PrepareRun.Documents(folder["out/train.bin"]), Is.EqualTo(new[] { Text[..2048] + "behind it" }));
    }

    [TestCase("in.txt.zst")]
    [TestCase("in.txt.gz")]
    public void Run_DamagedData_IsReadOrIsAUserError(string name)
    {
        using TemporaryFolder folder = new();
        byte[] good = name.EndsWith("zst", StringComparison.Ordinal) ? Zstandard : Gzip(Text[..4096]);
        Random random = new(2);
        int refused = 0;
        for (int i = 0; i < 150; i++)
        {
            byte[] bytes = [.. good];
            for (int flips = random.Next(1, 4); flips > 0; flips--)
            {
                bytes[random.Next(bytes.Length)] = (byte)random.Next(256);
            }

            string path = folder.Write(name, i % 3 == 0 ? bytes[..random.Next(1, bytes.Length)] : bytes);
            try
            {
                PrepareRun.Run(PrepareRun.Options(folder, path) with { Workers = 1 });
            }
            catch (UserErrorException e)
            {
                refused++;
                Assert.That(e.Message, Does.Contain(path).Or.Contain("no document"));
            }
        }

        Assert.That(refused, Is.GreaterThan(50));
    }

    [TestCase("in.txt.zst")]
    [TestCase("in.txt.gz")]
    public void Run_DataCutShort_IsAUserError(string name)
    {
        using TemporaryFolder folder = new();
        byte[] good = name.EndsWith("zst", StringComparison.Ordinal) ? Zstandard : Gzip(Text);
        string path = folder.Write(name, good.AsSpan(0, good.Length / 2));
        Assert.That(() => PrepareRun.Run(PrepareRun.Options(folder, path)), Throws.TypeOf<UserErrorException>().With.Message.Contains(path));
    }

    private static byte[] Gzip(string text)
    {
        using MemoryStream output = new();
        using (GZipStream gzip = new(output, CompressionLevel.Fastest))
        {
            gzip.Write(Encoding.UTF8.GetBytes(text));
        }

        return output.ToArray();
    }
}
