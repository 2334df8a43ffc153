using System;
using System.Collections.Generic;
using System.IO;
using System.IO.Compression;
using System.Linq;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Threading;
using GptEngine.Engine.Data;
using GptEngine.Engine.Data.Preparation;
using GptEngine.Engine.Data.Streaming;
using GptEngine.Engine.Tokenization;
using GptEngine.Runtime;
using NUnit.Framework;

namespace GptEngine.Tests.Data.Preparation;

public sealed class PrepareCommandTests
{
    [Test]
    public void Run_FolderOfAllKinds_KeepsDocumentsInOrdinalOrder()
    {
        using TemporaryFolder folder = new();
        folder.Write("in/b.txt", "\uFEFFText of b.");
        folder.Write("in/a.jsonl", "{\"text\":\"one\"}\n\n{\"text\":\"\"}\n{\"id\":3,\"text\":\"two <|endoftext|>\"}");
        folder.Write("in/B.md", "# Title\r\n");
        folder.Write("in/sub/c.txt.gz", Gzip("zipped text"));
        folder.Write("in/d.xml", "<?xml version=\"1.0\"?><doc><members><member name=\"T:N.A`1\"><summary>Does it.</summary></member></members></doc>");
        folder.Write("in/empty.txt", "");
        folder.Write("in/ignored.bin", "x");
        PrepareResult result = PrepareRun.Run(PrepareRun.Options(folder, folder["in"], "-"), "from standard input");
        Assert.That(
            PrepareRun.Documents(folder["out/train.bin"]),
            Is.EqualTo(new[]
            {
                "# Title\r\n", "one", "two <|endoftext|>", "Text of b.", "N.A\nDoes it.\n", "zipped text", "from standard input",
            }));
        Assert.That(result.Dataset.Documents, Is.EqualTo(7));
        Assert.That(Directory.GetFileSystemEntries(folder["out"]).Select(Path.GetFileName).Order(), Is.EqualTo(new[] { "dataset.json", "train.bin" }));
    }

    [Test]
    public void Run_AnyWorkers_WritesTheSameFiles()
    {
        using TemporaryFolder folder = new();
        Random random = new(4);
        string text = string.Concat(Enumerable.Range(0, 300_000).Select(i => random.GetString("abcdefgh", 4) + (i % 9 == 0 ? ".\n" : " ")));
        folder.Write("in/large.txt", text);
        folder.Write("in/lines.jsonl", string.Concat(Enumerable.Range(0, 20_000).Select(i => $"{{\"text\":\"{text.AsSpan(i * 60, 59).ToString().ReplaceLineEndings("\\n")}\"}}\n")));
        List<string> hashes = [];
        foreach (int workers in (int[])[1, 2, 5])
        {
            PrepareOptions options = PrepareRun.Options(folder, folder["in"]) with { Workers = workers, ValidationFraction = 0.3 };
            hashes.Add(PrepareRun.Run(options).Dataset.ToString().Replace("System.Collections.Generic.List`1", "", StringComparison.Ordinal));
        }

        Assert.That(hashes.Distinct().Count(), Is.EqualTo(1));
        int[] expected = [50256, .. new Gpt2Tokenizer().Encode(text)];
        IEnumerable<int> all = PrepareRun.Tokens(folder["out/train.bin"]);
        IEnumerable<int> val = PrepareRun.Tokens(folder["out/val.bin"]);
        Assert.That(all.Take(expected.Length).SequenceEqual(expected) || val.Take(expected.Length).SequenceEqual(expected), Is.True);
    }

    [Test]
    public void Run_ValidationFraction_SplitsByDocumentAlone()
    {
        using TemporaryFolder folder = new();
        string[] documents = [.. Enumerable.Range(0, 2000).Select(i => $"document {i % 1000}")];
        string Lines(IEnumerable<string> texts) => string.Concat(texts.Select(text => JsonSerializer.Serialize(new { text }) + "\n"));
        string path = folder.Write("in.jsonl", Lines(documents));
        PrepareOptions options = PrepareRun.Options(folder, path) with { ValidationFraction = 0.2 };
        PrepareRun.Run(options);
        List<string> train = PrepareRun.Documents(folder["out/train.bin"]);
        List<string> val = PrepareRun.Documents(folder["out/val.bin"]);
        Assert.That(train.Count + val.Count, Is.EqualTo(2000));
        Assert.That(val.Count, Is.InRange(300, 500));
        Assert.That(train.Intersect(val), Is.Empty);

        folder.Write("in.jsonl", Lines(documents.Reverse().Append("another")));
        PrepareRun.Run(options);
        Assert.That(PrepareRun.Documents(folder["out/val.bin"]).Where(d => d != "another").Order(), Is.EqualTo(val.Order()));

        PrepareRun.Run(options with { ValidationFraction = 0 });
        Assert.That(File.Exists(folder["out/val.bin"]), Is.False);
    }

    [Test]
    public void Run_EachForm_IsReadBackWithItsChecksum()
    {
        using TemporaryFolder folder = new();
        string path = folder.Write("in.jsonl", string.Concat(Enumerable.Range(0, 500).Select(i => $"{{\"text\":\"document number {i}\"}}\n")));
        int[]? first = null;
        foreach (TokenStreamFormat format in Enum.GetValues<TokenStreamFormat>())
        {
            PrepareOptions options = PrepareRun.Options(folder, path) with { Format = format, ValidationFraction = 0.1 };
            DatasetInfo info = PrepareRun.Run(options).Dataset;
            Dataset dataset = Dataset.Open(folder["out"]);
            Assert.That(dataset.Info!.Train, Is.EqualTo(info.Train));
            Assert.That(dataset.HasValidation, Is.True);
            using TokenStream val = dataset.OpenValidation(50257);
            using TokenStream train = dataset.OpenTrain(50257);
            int[] tokens = new int[train.Count];
            train.Read(0, tokens);
            Assert.That(tokens, Is.EqualTo(first ??= tokens));
            Assert.That(train.Count + val.Count, Is.EqualTo(info.Tokens));
            byte[] bytes = File.ReadAllBytes(folder["out/" + info.Train.File]);
            Assert.That(Convert.ToHexStringLower(SHA256.HashData(bytes)), Is.EqualTo(info.Train.Sha256));
            Assert.That(Directory.GetFiles(folder["out"]), Has.Length.EqualTo(3));
        }
    }

    [Test]
    public void Run_ByteTokenizer_OpensDocumentsWith256()
    {
        using TemporaryFolder folder = new();
        PrepareOptions options = PrepareRun.Options(folder, "-") with { Tokenizer = "byte", StandardInputFormat = InputFormat.JsonLines };
        DatasetInfo info = PrepareRun.Run(options, "{\"text\":\"ab\"}\n{\"text\":\"é\"}").Dataset;
        Assert.That(PrepareRun.Tokens(folder["out/train.bin"]), Is.EqualTo(new[] { 256, 'a', 'b', 256, 0xC3, 0xA9 }));
        Assert.That((info.VocabularySize, info.DocumentToken), Is.EqualTo((257, 256)));
    }

    [Test]
    public void Run_BrokenLines_AreCountedAndNamed()
    {
        using TemporaryFolder folder = new();
        string path = folder.Write("in.jsonl", "{\"text\":\"good\"}\nbroken\n{\"text\":7}\n\n{\"text\":\"fine\"}\n{\"text\":\"cut");
        PrepareOptions options = PrepareRun.Options(folder, path);
        PrepareResult result = PrepareRun.Run(options);
        Assert.That(PrepareRun.Documents(folder["out/train.bin"]), Is.EqualTo(new[] { "good", "fine" }));
        Assert.That(result.Dataset.BrokenRecords, Is.EqualTo(3));
        Assert.That(result.Broken, Has.Count.EqualTo(3));
        Assert.That(result.Broken[0], Does.StartWith($"{path}, line 2:"));
        Assert.That(result.Broken[2], Does.StartWith($"{path}, line 6:"));
        Assert.That(
            () => PrepareRun.Run(options with { Strict = true }),
            Throws.TypeOf<UserErrorException>().With.Message.StartsWith($"{path}, line 2:"));
        Assert.That(PrepareRun.Documents(folder["out/train.bin"]), Has.Count.EqualTo(2), "the earlier dataset is still there");
    }

    [Test]
    public void Run_ThatFails_LeavesNothingOfItsOwnAndKeepsWhatWasThere()
    {
        using TemporaryFolder folder = new();
        string good = folder.Write("good.txt", "good text");
        string bad = folder.Write("bad.txt.gz", Gzip(new string('x', 100_000)).AsSpan(0, 60));
        Assert.That(() => PrepareRun.Run(PrepareRun.Options(folder, good, bad)), Throws.TypeOf<UserErrorException>().With.Message.Contains(bad));
        Assert.That(Directory.Exists(folder["out"]), Is.False);
        PrepareRun.Run(PrepareRun.Options(folder, good));
        byte[] before = File.ReadAllBytes(folder["out/train.bin"]);
        Assert.That(() => PrepareRun.Run(PrepareRun.Options(folder, good, good, bad)), Throws.TypeOf<UserErrorException>());
        Assert.That(File.ReadAllBytes(folder["out/train.bin"]), Is.EqualTo(before));
        Assert.That(Directory.GetFileSystemEntries(folder["out"]), Has.Length.EqualTo(2));
    }

    [Test]
    public void Run_Cancelled_LeavesNothing()
    {
        using TemporaryFolder folder = new();
        string path = folder.Write("in.txt", string.Concat(Enumerable.Repeat("some text ", 500_000)));
        using CancellationTokenSource source = new();
        Assert.That(
            () => PrepareCommand.Run(PrepareRun.Options(folder, path), Stream.Null, _ => source.Cancel(), source.Token),
            Throws.InstanceOf<OperationCanceledException>());
        Assert.That(Directory.Exists(folder["out"]), Is.False);
    }

    [Test]
    public void Run_Progress_EndsAtTheWhole()
    {
        using TemporaryFolder folder = new();
        string path = folder.Write("in.txt", string.Concat(Enumerable.Repeat("some text ", 200_000)));
        List<PrepareProgress> reports = [];
        PrepareRun.Run(PrepareRun.Options(folder, path), progress: reports.Add);
        Assert.That(reports, Has.Count.GreaterThan(2));
        Assert.That(reports[^1].BytesDone, Is.EqualTo(2_000_000));
        Assert.That(reports[^1].BytesTotal, Is.EqualTo(2_000_000));
        Assert.That(reports[^1].TextBytes, Is.EqualTo(2_000_000));
        Assert.That(reports.Select(report => report.BytesDone), Is.Ordered);
    }

    [Test]
    public void Run_WrongCalls_AreUsageErrors()
    {
        using TemporaryFolder folder = new();
        string good = folder.Write("good.txt", "text");
        PrepareOptions options = PrepareRun.Options(folder, good);
        PrepareOptions[] bad =
        [
            options with { Inputs = [] }, options with { Inputs = [folder["missing.txt"]] }, options with { Inputs = [folder.Write("a.pdf", "x")] },
            options with { Inputs = ["-", "-"] }, options with { ValidationFraction = 1 }, options with { ValidationFraction = double.NaN },
            options with { Workers = 0 }, options with { Tokenizer = "gpt3" },
        ];
        foreach (PrepareOptions call in bad)
        {
            Assert.That(
                () => PrepareRun.Run(call),
                Throws.TypeOf<UserErrorException>().With.Property(nameof(UserErrorException.ExitCode)).EqualTo(ExitCode.Usage),
                call.ToString());
        }

        Assert.That(() => PrepareRun.Run(options with { Inputs = ["-"] }), Throws.TypeOf<UserErrorException>(), "no document");
        Assert.That(() => PrepareRun.Run(options with { OutputDirectory = good }), Throws.TypeOf<UserErrorException>(), "a file as folder");
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
