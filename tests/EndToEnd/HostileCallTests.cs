using System.IO;
using GptEngine.Engine.Data;
using NUnit.Framework;

namespace GptEngine.Tests.EndToEnd;

/// <summary>What a clumsy or hostile user does to the real program: one clear sentence, the right exit code, nothing lost.</summary>
public sealed class HostileCallTests
{
    [TestCase("""{"model":{"positions":1}}""", "sinusoidal, learned, rotary", TestName = "An enumeration by number")]
    [TestCase("""{"model":{"positions":"learned,rotary"}}""", "sinusoidal, learned, rotary", TestName = "Two names in one")]
    [TestCase("""{"training":{"sample_prompt":null}}""", "training.sample_prompt", TestName = "No prompt")]
    [TestCase("""{"training":{"sample_prompt":"\ud800"}}""", "Unicode", TestName = "Half a surrogate pair")]
    [TestCase("""{"\ud800":{}}""", "Unicode", TestName = "Half a surrogate pair as key")]
    [TestCase("""{"data":{"path":"a\u0000b"}}""", "data.path", TestName = "A path with NUL")]
    [TestCase("""{"training":{"micro_batch":1048576},"model":{"context_length":1048576}}""", "micro_batch", TestName = "More tokens than can be counted")]
    [TestCase("""{"training":{"micro_batch":1},"model":{"d_model":65536,"n_heads":64,"n_layers":1024}}""", "TiB", TestName = "A model beyond any machine")]
    public void Configuration_IsRefusedInOneSentence(string json, string says)
    {
        string file = Path.GetTempFileName();
        try
        {
            File.WriteAllText(file, json);
            AssertRefused(2, says, "doctor", "--config", file);
        }
        finally
        {
            File.Delete(file);
        }
    }

    [TestCase("doctor", "--config", "")]
    [TestCase("doctor", "--config", "/dev/zero")]
    [TestCase("doctor", "--preset", "quickstart", "--gpus", "4096", "--set", "training.micro_batch=1048576")]
    [TestCase("prepare", "--input", "", "--out", "x")]
    [TestCase("prepare", "--input", "x", "--out", "")]
    [TestCase("eval", "--checkpoint", "", "--data", "x")]
    [TestCase("train", "--preset", "quickstart", "--data", "", "--run", "x")]
    public void Call_IsRefusedInOneSentence(params string[] call) => AssertRefused(2, "", call);

    [Test]
    public void LongKey_IsNotEchoedWhole()
    {
        string file = Path.GetTempFileName();
        try
        {
            File.WriteAllText(file, $$"""{"{{new string('k', 900_000)}}\u001b[2J":1}""");
            string error = AssertRefused(2, "no key", "doctor", "--config", file);
            Assert.That(error, Has.Length.LessThan(2000).And.Not.Contain("\u001b"));
        }
        finally
        {
            File.Delete(file);
        }
    }

    [Test]
    public void Stream_CutWhileTraining_IsAnErrorNotACrash()
    {
        using var run = new SmallRun();
        string train = Path.Combine(run.Data, "train.bin");
        using var process = new GptProcess("", run.Train("cut", "--steps", "1000000"));
        SmallRun.WaitFor(Path.Combine(run.Folder("cut"), "metrics.jsonl"));
        using (FileStream file = new(train, FileMode.Open, FileAccess.Write, FileShare.ReadWrite))
        {
            file.SetLength(2);
        }

        (int code, _, string error) = process.Wait();
        Assert.That(code, Is.EqualTo(1), error);
        Assert.That(error, Does.Contain("train.bin").And.Contain("cut"));
    }

    [Test]
    public void SecondRun_InTheSameFolder_IsRefused_AndTheFirstGoesOn()
    {
        using var run = new SmallRun();
        using var first = new GptProcess("", run.Train("one", "--steps", "1000000"));
        SmallRun.WaitFor(Path.Combine(run.Folder("one"), "metrics.jsonl"));
        AssertRefused(1, "in use", run.Train("one", "--steps", "1"));
        AssertRefused(1, "in use", run.Resume("one"));
        first.Interrupt();
        Assert.That(first.Wait().ExitCode, Is.EqualTo(130));
    }

    [Test]
    public void ClosedPipe_EndsTheCall()
    {
        (int code, string output, string error) = Shell("yes hello | head -c 30000000 | \"$0\" tokenize 2>err | head -c 5; ended=${PIPESTATUS[*]}; echo; echo $ended; cat err");
        Assert.That(code, Is.Zero, error);
        string[] lines = output.Split('\n');
        Assert.That(lines[1].Split(' ')[2], Is.EqualTo("1"), output);
        Assert.That(output, Does.Not.Contain("   at "));
    }

    [Test]
    public void AppendedOutput_OfTwoCalls_StandsInOneFile()
    {
        (_, string output, string error) = Shell("(echo a | \"$0\" tokenize; echo b | \"$0\" tokenize) > both; wc -l < both");
        Assert.That(output.Trim(), Is.EqualTo("2"), error);
    }

    [Test]
    public void HalfReplacedData_IsRefused_UntilPreparedAgain()
    {
        using var run = new SmallRun();
        File.WriteAllBytes(Path.Combine(run.Data, DatasetInfo.FileName), DatasetInfo.Replacing.ToArray());
        AssertRefused(1, "prepare", run.Train("run", "--steps", "1"));
        (int code, _, string error) = GptProcess.Run("prepare", "--input", run.Folder("text.jsonl"), "--out", run.Data, "--tokenizer", "byte");
        Assert.That(code, Is.Zero, error);
        Assert.That(GptProcess.Run(run.Train("run", "--steps", "1")).ExitCode, Is.Zero);
    }

    [Test]
    public void OtherTokenizersData_IsRefused()
    {
        using var run = new SmallRun();
        Assert.That(GptProcess.Run(run.Train("run", "--steps", "1")).ExitCode, Is.Zero);
        string data = run.Folder("data2");
        Assert.That(GptProcess.Run("prepare", "--input", run.Folder("text.jsonl"), "--out", data, "--val-fraction", "0").ExitCode, Is.Zero);
        AssertRefused(2, "--tokenizer byte", "eval", "--checkpoint", run.Folder("run"), "--data", data, "--device", "cpu");
        AssertRefused(2, "--tokenizer", "generate", "--checkpoint", run.Folder("run"), "--prompt", "x", "--tokenizer", "gpt2", "--device", "cpu");
    }

    [Test]
    public void SamplesOfAPaddedVocabulary_DrawWhatTheTokenizerKnows()
    {
        using var run = new SmallRun();
        (int code, _, string error) = GptProcess.Run(run.Train(
            "run", "--steps", "4", "--set", "model.vocab_size=2000", "--set", "training.sample_every=1", "--set", "optimizer.learning_rate=0"));
        Assert.That(code, Is.Zero, error);
        (code, _, error) = GptProcess.Run("generate", "--checkpoint", run.Folder("run"), "--prompt", "x", "--max-tokens", "50", "--device", "cpu");
        Assert.That(code, Is.Zero, error);
    }

    [Test]
    public void ShortValidation_IsSaidBeforeTheFirstStep()
    {
        using var run = new SmallRun();
        AssertRefused(1, "eval_every", run.Train("a", "--set", "model.context_length=4096", "--set", "training.micro_batch=1", "--set", "training.acc_batch_size=4096"));
    }

    private static string AssertRefused(int code, string says, params string[] call)
    {
        (int exitCode, _, string error) = GptProcess.Run(call);
        Assert.That(exitCode, Is.EqualTo(code), error);
        Assert.That(error, Does.Contain(says));
        Assert.That(error.Trim().Split('\n'), Has.Length.EqualTo(1), error);
        Assert.That(error, Does.Not.Contain("   at ").And.Not.Contain("should not have happened"));
        return error;
    }

    private static (int Code, string Output, string Error) Shell(string script)
    {
        string folder = Directory.CreateTempSubdirectory("gpt-shell").FullName;
        try
        {
            using var process = System.Diagnostics.Process.Start(new System.Diagnostics.ProcessStartInfo("/bin/bash", ["-c", script, GptProcess.Path])
            {
                WorkingDirectory = folder,
                RedirectStandardOutput = true,
                RedirectStandardError = true,
            })!;
            string output = process.StandardOutput.ReadToEnd();
            string error = process.StandardError.ReadToEnd();
            process.WaitForExit();
            return (process.ExitCode, output, error);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }
}
