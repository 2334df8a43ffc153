using System.IO;
using System.Linq;
using System.Text.Json;
using NUnit.Framework;

namespace GptEngine.Tests.EndToEnd;

/// <summary>Commands as people call them: what they print, and how they end.</summary>
public sealed class CommandTests
{
    [TestCase(new[] { "trian" }, "'train'")]
    [TestCase(new[] { "train", "--presett", "gpt-89m" }, "'--preset'")]
    [TestCase(new[] { "train", "--preset", "gpt-98m" }, "'gpt-89m'")]
    [TestCase(new[] { "train", "--preset", "gpt-89m", "--set", "model.n_layer=2" }, "'model.n_layers'")]
    [TestCase(new[] { "train", "--preset", "gpt-89m", "--steps", "many" }, "many")]
    [TestCase(new[] { "train", "--preset", "gpt-89m", "--set", "training.precision=fp8" }, "fp32, tf32, fp16, bf16")]
    [TestCase(new[] { "train", "--preset", "gpt-89m", "--device", "gpu" }, "auto, cpu, cuda or sim")]
    [TestCase(new[] { "train" }, "--preset")]
    [TestCase(new[] { "train", "--resume" }, "--run")]
    [TestCase(new[] { "prepare", "--input", "x" }, "--out")]
    [TestCase(new[] { "prepare", "--input", "x", "--out", "y", "--format", "rwa" }, "'raw'")]
    [TestCase(new[] { "tokenize", "--tokenizer", "gpt3" }, "gpt2, byte")]
    [TestCase(new[] { "generate", "--prompt", "x" }, "--checkpoint")]
    public void WrongCall_Exits2_WithTheRemedyInOneLine(string[] call, string remedy)
    {
        (int code, string output, string error) = GptProcess.Run(call);
        Assert.Multiple(() =>
        {
            Assert.That(code, Is.EqualTo(2), error);
            Assert.That(output, Is.Empty);
            Assert.That(error, Does.Contain(remedy));
            Assert.That(error.TrimEnd(), Does.Not.Contain("\n"));
            Assert.That(error, Does.Not.Contain("   at "));
        });
    }

    [Test]
    public void Tokenize_AndBack_IsTheSameText()
    {
        const string text = "Hello  world's 𝒜's <|endoftext|>\n\tüber";
        (int code, string ids, string error) = GptProcess.RunWithInput(text, "tokenize");
        Assert.That(code, Is.Zero, error);
        Assert.That(ids.TrimEnd().Split(' ').Select(int.Parse), Has.None.EqualTo(50256));
        Assert.That(GptProcess.RunWithInput(ids, "detokenize").Output, Is.EqualTo(text));
    }

    [Test]
    public void TrainEvaluateGenerate_LeavesARunFolderAndTheSameTextForTheSameSeed()
    {
        using var run = new SmallRun();
        (int code, string output, string error) = GptProcess.Run(run.Train("run", "--set", "training.sample_every=20"));
        Assert.That(code, Is.Zero, error);
        string[] names =
        [
            "tokenizer", "visible devices", "num_params", "world_size", "batch_size", "context_length", "batch_jump", "x0", "x1", "clip",
            "acc_batch_size", "num_chunked_batches", "step_init", "num_tokens_init", "q_init",
        ];
        string opening = output[..output.IndexOf("step 1/", System.StringComparison.Ordinal)];
        Assert.That(opening.TrimEnd().Split('\n').Select(line => line[..20].Trim()), Is.EqualTo(names));
        foreach (string file in (string[])["config.json", "metrics.jsonl", "plot.svg", "samples.txt", "log.txt"])
        {
            Assert.That(Path.Combine(run.Folder("run"), file), Does.Exist);
        }

        JsonElement[] metrics = [.. File.ReadLines(Path.Combine(run.Folder("run"), "metrics.jsonl")).Select(line => JsonDocument.Parse(line).RootElement)];
        double last = metrics.Last(line => line.GetProperty("kind").GetString() == "eval").GetProperty("loss").GetDouble();
        Assert.That(last, Is.LessThan(metrics[0].GetProperty("loss").GetDouble() - 1));

        (code, output, error) = GptProcess.Run("eval", "--checkpoint", run.Folder("run"), "--data", run.Data);
        Assert.That(code, Is.Zero, error);
        Assert.That(output, Does.Contain("perplexity"));

        string[] generate = ["generate", "--checkpoint", run.Folder("run"), "--prompt", "the cat", "--max-tokens", "80", "--top-k", "20", "--top-p", "0.9", "--seed", "5"];
        string first = GptProcess.Run(generate).Output;
        Assert.That(first, Does.StartWith("the cat"));
        Assert.That(GptProcess.Run(generate).Output, Is.EqualTo(first));
    }

    [Test]
    public void Train_IntoAFolderThatHasARun_IsRefused()
    {
        using var run = new SmallRun();
        Assert.That(GptProcess.Run(run.Train("run", "--steps", "1")).ExitCode, Is.Zero);
        (int code, _, string error) = GptProcess.Run(run.Train("run", "--steps", "1"));
        Assert.That(code, Is.EqualTo(2));
        Assert.That(error, Does.Contain("--resume"));
    }

    [Test]
    public void Train_DamagedData_NamesTheOffset()
    {
        using var run = new SmallRun();
        string path = Path.Combine(run.Data, "train.bin");
        byte[] bytes = File.ReadAllBytes(path);
        bytes[2001] = 0xFF;
        File.WriteAllBytes(path, bytes);
        (int code, _, string error) = GptProcess.Run(run.Train("run", "--set", "data.order=sequential"));
        Assert.That(code, Is.EqualTo(1), error);
        Assert.That(error, Does.Contain("train.bin").And.Contain("2000"));
    }

    [Test]
    public void Doctor_NamesEveryLibrary_AndPlansAnyPreset()
    {
        (int code, string output, string error) = GptProcess.Run("doctor");
        Assert.That(code, Is.Zero, error);
        foreach (string name in (string[])["processor", "cuda", "nvrtc", "cublasLt", "nccl"])
        {
            Assert.That(output, Does.Contain(name));
        }

        (code, output, error) = GptProcess.Run("doctor", "--preset", "gpt-1b", "--gpus", "8");
        Assert.That(code, Is.Zero, error);
        foreach (string category in (string[])["1,034,120,017", "parameters", "gradients", "optimizer", "activations", "workspace", "total", "sharded"])
        {
            Assert.That(output, Does.Contain(category));
        }

        (code, output, error) = GptProcess.Run("doctor", "--gpus", "8");
        Assert.That(code, Is.Zero, error);
        Assert.That(output, Does.Match(@"gpt-1b\s+1,034,120,017\s+20\s+[0-9.]+\s+[0-9.]+\s+\d+, sharded \d+"));
    }
}
