using System;
using System.IO;
using GptEngine.Engine.Data;
using GptEngine.Engine.Data.Streaming;
using GptEngine.Runtime;
using GptEngine.Tests.Data.Preparation;
using NUnit.Framework;

namespace GptEngine.Tests.Data;

public sealed class DatasetTests
{
    [Test]
    public void Open_BareStreams_NeedNoDatasetJson()
    {
        using TemporaryFolder folder = new();
        folder.Write("train.bin", [1, 0, 2, 0]);
        Dataset dataset = Dataset.Open(folder.Path);
        Assert.That((dataset.Info, dataset.HasValidation), Is.EqualTo(((DatasetInfo?)null, false)));
        using TokenStream train = dataset.OpenTrain(10);
        Assert.That(train.Count, Is.EqualTo(2));
        Assert.That(() => dataset.OpenValidation(10), Throws.TypeOf<UserErrorException>().With.Message.Contains("val.bin"));
        Assert.That(() => Dataset.Open(folder["missing"]), Throws.TypeOf<UserErrorException>());
    }

    [Test]
    public void Open_StreamThatDoesNotFitItsDescription_IsAUserError()
    {
        using TemporaryFolder folder = new();
        PrepareRun.Run(PrepareRun.Options(folder, folder.Write("in.txt", "some text")));
        Assert.That(() => Dataset.Open(folder["out"]).OpenTrain(257), Throws.TypeOf<UserErrorException>().With.Message.Contains("vocab_size"));
        File.AppendAllText(folder["out/train.bin"], "ab");
        Assert.That(() => Dataset.Open(folder["out"]).OpenTrain(50257), Throws.TypeOf<UserErrorException>().With.Message.Contains("dataset.json"));
    }

    [TestCase("")]
    [TestCase("null")]
    [TestCase("[]")]
    [TestCase("{}")]
    [TestCase("{\"tokenizer\":null}")]
    public void Open_NoDescription_IsAUserError(string json)
    {
        using TemporaryFolder folder = new();
        folder.Write("dataset.json", json);
        Assert.That(() => Dataset.Open(folder.Path), Throws.TypeOf<UserErrorException>().With.Message.Contains("dataset.json"));
    }

    [TestCase("\"train.bin\"", "\"../train.bin\"")]
    [TestCase("\"train.bin\"", "\"/etc/passwd\"")]
    [TestCase("\"train.bin\"", "null")]
    [TestCase("50257", "-1")]
    [TestCase("50256", "50257")]
    [TestCase("\"gpt2\"", "\"other\"")]
    public void Open_ImpossibleValues_AreUserErrors(string old, string value)
    {
        using TemporaryFolder folder = new();
        PrepareRun.Run(PrepareRun.Options(folder, folder.Write("in.txt", "some text")));
        string json = File.ReadAllText(folder["out/dataset.json"]);
        Assert.That(json, Does.Contain(old));
        File.WriteAllText(folder["out/dataset.json"], json.Replace(old, value, StringComparison.Ordinal));
        Assert.That(() => Dataset.Open(folder["out"]), Throws.TypeOf<UserErrorException>());
    }

    [Test]
    public void Open_DamagedDescription_IsReadOrIsAUserError()
    {
        using TemporaryFolder folder = new();
        PrepareRun.Run(PrepareRun.Options(folder, folder.Write("in.txt", "some text")));
        byte[] good = File.ReadAllBytes(folder["out/dataset.json"]);
        Random random = new(5);
        for (int i = 0; i < 500; i++)
        {
            byte[] bytes = [.. good];
            for (int flips = random.Next(1, 5); flips > 0; flips--)
            {
                bytes[random.Next(bytes.Length)] = (byte)random.Next(256);
            }

            folder.Write("out/dataset.json", bytes);
            try
            {
                Dataset.Open(folder["out"]).OpenTrain(65536).Dispose();
            }
            catch (UserErrorException e)
            {
                Assert.That(e.Message, Is.Not.Empty);
            }
        }
    }
}
