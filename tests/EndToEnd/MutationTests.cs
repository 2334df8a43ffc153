using System;
using System.IO;
using System.Security.Cryptography;
using System.Text;
using System.Text.RegularExpressions;
using GptEngine.Engine.Checkpoints;
using GptEngine.Engine.Configuration;
using GptEngine.Engine.Data;
using GptEngine.Engine.Data.Streaming;
using GptEngine.Engine.Evaluation;
using GptEngine.Engine.Runs;
using GptEngine.Kernels.Common;
using GptEngine.Runtime;
using GptEngine.Runtime.Devices;
using GptEngine.Tests.Training;
using NUnit.Framework;

namespace GptEngine.Tests.EndToEnd;

/// <summary>Files that a checkpoint, a dataset and a configuration are made of, altered at random: read, or refused in a sentence.</summary>
public sealed partial class MutationTests
{
    private const int Trials = 150;

    // What tends to break a reader: limits of numbers, other types, escapes, nesting.
    private static readonly string[] Pieces =
    [
        "0", "-1", "1e400", "9223372036854775807", "-9223372036854775808", "18446744073709551616", "0.5", "null", "true", "\"\"", "[]", "{}",
        "\"\\ud800\"", "\"\\u0000\"", "[[[[[[[[[[[[[[[[[[[[", "{\"a\":{\"a\":{\"a\":1}}}", "\"../../x\"", "99999999999999999999999999",
    ];

    private string _folder = null!;
    private string _checkpoint = null!;
    private Random _random = null!;

    [OneTimeSetUp]
    public void MakeCheckpoint()
    {
        _folder = TestRuns.NewFolder();
        using var device = new CpuDevice(1);
        IOperations operations = CpuOperations.Create(device);
        using var owned = (IDisposable)operations;
        RunConfiguration small = TestRuns.Small;
        TestRuns.Run(small with { Training = small.Training with { Steps = 2 } }, operations, _folder);
        _checkpoint = Path.Combine(_folder, "checkpoints", "step-00000002");
    }

    [OneTimeTearDown]
    public void Delete() => Directory.Delete(_folder, recursive: true);

    [SetUp]
    public void Seed()
    {
        int seed = TestContext.CurrentContext.Random.Next();
        TestContext.Out.WriteLine($"seed {seed}");
        _random = new Random(seed);
    }

    [Test]
    public void Weights_AreReadOrRefused()
    {
        using var device = new CpuDevice(1);
        IOperations operations = CpuOperations.Create(device);
        using var owned = (IDisposable)operations;
        string folder = Path.Combine(_folder, "weights");
        Directory.CreateDirectory(folder);
        for (int trial = 0; trial < Trials; trial++)
        {
            // Without state.json, as weights from elsewhere come: nothing but the readers stands between them and the model.
            bool altersShape = trial % 2 == 0;
            byte[] shape = File.ReadAllBytes(Path.Combine(_checkpoint, ModelFile.Name));
            byte[] weights = File.ReadAllBytes(Path.Combine(_checkpoint, ModelFile.WeightsName));
            File.WriteAllBytes(Path.Combine(folder, ModelFile.Name), altersShape ? Alter(shape) : shape);
            File.WriteAllBytes(Path.Combine(folder, ModelFile.WeightsName), altersShape ? weights : AlterStart(weights, 2000));
            ReadOrRefuse(() => Evaluator.FromCheckpoint(folder, operations, 1).Dispose());
        }
    }

    [Test]
    public void State_IsReadOrRefused_AlsoWhereItsChecksumFits()
    {
        string folder = Path.Combine(_folder, "altered", "step-00000002");
        Directory.CreateDirectory(folder);
        foreach (string file in Directory.GetFiles(_checkpoint))
        {
            File.Copy(file, Path.Combine(folder, Path.GetFileName(file)), overwrite: true);
        }

        CheckpointStore store = CheckpointStore.View(Path.Combine(_folder, "altered"));
        byte[] state = File.ReadAllBytes(Path.Combine(_checkpoint, "state.json"));
        for (int trial = 0; trial < Trials; trial++)
        {
            byte[] altered = Alter(state);
            File.WriteAllBytes(Path.Combine(folder, "state.json"), trial % 4 == 0 ? altered : WithChecksum(altered));
            ReadOrRefuse(() => store.Verify(2));
        }
    }

    [Test]
    public void Configuration_IsReadOrRefused()
    {
        string path = Path.Combine(_folder, "config.json");
        byte[] json = Encoding.UTF8.GetBytes(System.Text.Json.JsonSerializer.Serialize(TestRuns.Small, ConfigurationJson.Default.RunConfiguration));
        for (int trial = 0; trial < Trials; trial++)
        {
            File.WriteAllBytes(path, Alter(json));
            ReadOrRefuse(() => new ConfigurationLayers().AddFile(path).Build());
        }
    }

    [Test]
    public void Streams_AreReadOrRefused()
    {
        byte[] json = Encoding.UTF8.GetBytes("""
            {"tokenizer":"byte","vocabulary_size":257,"document_token":256,"tokens":500,"documents":1,
             "train":{"file":"train.bin","tokens":500,"documents":1,"sha256":"0"},"sources":[{"path":"x","documents":1,"tokens":500,"broken_records":0}]}
            """);
        byte[] npy = [0x93, .. "NUMPY\u0001\0v\0"u8, .. Encoding.ASCII.GetBytes("{'descr': '<u2', 'fortran_order': False, 'shape': (500,), }".PadRight(118)), .. new byte[1000]];
        byte[] llmc = new byte[1024 + 1000];
        BitConverter.TryWriteBytes(llmc, 20240520);
        BitConverter.TryWriteBytes(llmc.AsSpan(4), 1);
        BitConverter.TryWriteBytes(llmc.AsSpan(8), 500);
        byte[][] streams = [new byte[1000], npy, llmc];
        string folder = Path.Combine(_folder, "data");
        Directory.CreateDirectory(folder);
        for (int trial = 0; trial < Trials; trial++)
        {
            byte[] stream = streams[trial % streams.Length];
            bool altersJson = trial % 2 == 0;
            File.WriteAllBytes(Path.Combine(folder, DatasetInfo.FileName), altersJson ? Alter(json) : json);
            File.WriteAllBytes(Path.Combine(folder, "train.bin"), altersJson ? stream : AlterStart(stream, 140));
            ReadOrRefuse(() =>
            {
                using TokenStream train = Dataset.Open(folder).OpenTrain(257);
                train.Validate();
            });
        }
    }

    [Test]
    public void Metrics_AreReadAndDrawn()
    {
        byte[] lines = Encoding.UTF8.GetBytes("""
            {"kind":"train","step":1,"tokens":128,"loss":4.5,"learning_rate":0.003,"grad_norm":1,"tokens_per_second":5,"mfu":null,"seconds":1}
            {"kind":"eval","step":1,"loss":4.5,"perplexity":90}

            """);
        string path = Path.Combine(_folder, "metrics.jsonl");
        for (int trial = 0; trial < Trials; trial++)
        {
            File.WriteAllBytes(path, Alter(lines));
            var plot = new TrainingPlot();
            using (MetricsFile.Open(path, 5, line =>
            {
                plot.AddStep(line.Step, line.Loss, line.LearningRate);
                plot.AddEvaluation(line.Step, line.Loss, line.Perplexity);
            }))
            {
                Assert.That(plot.Draw("run", "altered"), Does.EndWith("</svg>\n"));
            }
        }
    }

    [Test]
    public void Program_ReadsOrRefuses()
    {
        using var run = new SmallRun();
        Assert.That(GptProcess.Run(run.Train("run", "--steps", "2")).ExitCode, Is.Zero);
        string folder = run.Folder("weights");
        Directory.CreateDirectory(folder);
        for (int trial = 0; trial < 12; trial++)
        {
            foreach (string name in (string[])[ModelFile.Name, ModelFile.WeightsName])
            {
                byte[] bytes = File.ReadAllBytes(Path.Combine(run.Checkpoint("run", 2), name));
                File.WriteAllBytes(Path.Combine(folder, name), name == ModelFile.Name ? (trial % 2 == 0 ? Alter(bytes) : bytes) : trial % 2 == 0 ? bytes : AlterStart(bytes, 2000));
            }

            (int code, _, string error) = GptProcess.Run(
                "generate", "--checkpoint", folder, "--prompt", "x", "--max-tokens", "2", "--tokenizer", "byte", "--device", "cpu", "--threads", "1");
            Assert.That(code, Is.AnyOf(0, 1, 2), error);
            Assert.That(error, code == 0 ? Is.Empty : Does.StartWith("gpt: ").And.Not.Contain("   at ").And.Not.Contain("should not have happened"));
        }
    }

    private static void ReadOrRefuse(Action read)
    {
        try
        {
            read();
        }
        catch (UserErrorException error)
        {
            Assert.That(error.Message, Has.Length.GreaterThan(20).And.Not.Contain("   at "));
        }
    }

    // A number, a name or a piece somewhere is replaced, or bytes are lost, doubled or flipped.
    private byte[] Alter(byte[] file)
    {
        if (_random.Next(3) == 0)
        {
            return AlterStart(file, file.Length);
        }

        string text = Encoding.Latin1.GetString(file);
        MatchCollection values = JsonValue().Matches(text);
        Match value = values[_random.Next(values.Count)];
        return Encoding.Latin1.GetBytes(string.Concat(text.AsSpan(0, value.Index), Pieces[_random.Next(Pieces.Length)], text.AsSpan(value.Index + value.Length)));
    }

    private byte[] AlterStart(byte[] file, int within)
    {
        int at = _random.Next(Math.Min(within, file.Length));
        int length = Math.Min(1 + _random.Next(16), file.Length - at);
        byte[] bytes = [.. file];
        switch (_random.Next(4))
        {
            case 0:
                return bytes[..at];
            case 1:
                return [.. bytes[..at], .. bytes[(at + length)..]];
            case 2:
                return [.. bytes[..(at + length)], .. bytes[at..]];
            default:
                _random.NextBytes(bytes.AsSpan(at, length));
                return bytes;
        }
    }

    private static byte[] WithChecksum(byte[] state)
    {
        string text = Encoding.Latin1.GetString(state);
        Match own = OwnChecksum().Match(text);
        if (!own.Success)
        {
            return state;
        }

        string zeros = string.Concat(text.AsSpan(0, own.Groups[1].Index), new string('0', 64), text.AsSpan(own.Groups[1].Index + 64));
        return Encoding.Latin1.GetBytes(string.Concat(
            zeros.AsSpan(0, own.Groups[1].Index), Convert.ToHexStringLower(SHA256.HashData(Encoding.Latin1.GetBytes(zeros))), zeros.AsSpan(own.Groups[1].Index + 64)));
    }

    [GeneratedRegex(@"(?<=[:\[,]\s*)(?:""[^""]*""|[-+.\w]+)|""[^""]*""")]
    private static partial Regex JsonValue();

    [GeneratedRegex(@"""state_sha256"":\s*""([0-9a-f]{64})""")]
    private static partial Regex OwnChecksum();
}
