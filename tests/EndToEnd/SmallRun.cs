using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Threading;
using GptEngine.Engine.Runs;
using NUnit.Framework;

namespace GptEngine.Tests.EndToEnd;

/// <summary>A folder with a small dataset and a model that trains in a second.</summary>
internal sealed class SmallRun : IDisposable
{
    private readonly string _root = Directory.CreateTempSubdirectory("gpt-e2e").FullName;

    public SmallRun()
    {
        var random = new Random(7);
        string[] words = ["red", "green", "blue", "cat", "dog", "runs", "sleeps", "under", "over", "the"];
        File.WriteAllLines(
            Path.Combine(_root, "text.jsonl"),
            Enumerable.Range(0, 400).Select(_ => $$"""{"text": "{{string.Join(' ', Enumerable.Range(0, 12).Select(_ => words[random.Next(words.Length)]))}}."}"""));
        (int code, _, string error) = GptProcess.Run(
            "prepare", "--input", Path.Combine(_root, "text.jsonl"), "--out", Data, "--tokenizer", "byte", "--val-fraction", "0.1");
        Assert.That(code, Is.Zero, error);
        File.WriteAllText(ConfigurationFile, """
            {
              // small enough for a test
              "model": { "vocab_size": 257, "context_length": 32, "d_model": 32, "n_layers": 2, "n_heads": 4, "dropout": 0.1, },
              "data": { "tokenizer": "byte", "document_token": 256, "order": "shuffled" },
              "optimizer": { "learning_rate": 1e-3, "x0": 2000, "x1": 20000 },
              "training": { "micro_batch": 4, "acc_batch_size": 256, "steps": 40, "eval_every": 10, "eval_batches": 2, "sample_every": 0,
                            "checkpoint_every": 0 }
            }
            """);
    }

    public string Data => Path.Combine(_root, "data");

    public string ConfigurationFile => Path.Combine(_root, "small.json");

    public string Folder(string name) => Path.Combine(_root, name);

    /// <summary>The arguments of a training call into the run folder <paramref name="name"/>.</summary>
    public string[] Train(string name, params string[] more) =>
        TrainOnAny(name, ["--device", "cpu", .. more]);

    /// <summary>The same without a device.</summary>
    public string[] TrainOnAny(string name, params string[] more) =>
        ["train", "--config", ConfigurationFile, "--data", Data, "--run", Folder(name), .. more];

    public string[] Resume(string name, params string[] more) => ["train", "--run", Folder(name), "--resume", "--device", "cpu", .. more];

    public string Checkpoint(string name, long step) => Path.Combine(Folder(name), "checkpoints", $"step-{step:D8}");

    /// <summary>Step, loss, and gradient norm of every step, as text: equal exactly where the bits are.</summary>
    public IReadOnlyList<string> Steps(string name) =>
        [.. MetricsFile.Read(Path.Combine(Folder(name), "metrics.jsonl")).Where(line => !line.IsEvaluation).Select(line => line.Text[..line.Text.IndexOf(",\"tokens_per_second", StringComparison.Ordinal)])];

    /// <summary>Waits until a file is there.</summary>
    public static void WaitFor(string path)
    {
        for (int i = 0; i < 600 && !File.Exists(path); i++)
        {
            Thread.Sleep(50);
        }

        Assert.That(path, Does.Exist);
    }

    public void Dispose() => Directory.Delete(_root, recursive: true);
}
