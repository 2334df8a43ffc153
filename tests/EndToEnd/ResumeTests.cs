using System;
using System.IO;
using System.Linq;
using System.Threading;
using NUnit.Framework;

namespace GptEngine.Tests.EndToEnd;

/// <summary>Stopping and going on, as a user and as a power cut do it.</summary>
public sealed class ResumeTests
{
    private const int WantedKills = 20;

    [Test]
    public void Resume_TwentyAndTwenty_IsFortyBitForBit()
    {
        using var run = new SmallRun();
        Expect(0, run.Train("whole"));
        Expect(0, run.Train("halves", "--steps", "20"));
        Expect(0, run.Resume("halves", "--steps", "40"));
        AssertSameEnd(run, "whole", "halves");
    }

    [Test]
    public void Kill_AtAnyMoment_LosesNothingButTheStepsSinceTheCheckpoint()
    {
        using var run = new SmallRun();
        Expect(0, run.Train("whole", "--steps", "40"));
        var random = new Random(TestContext.CurrentContext.Random.Next());
        // With a checkpoint at every step most of the time goes into writing one, so that is where most kills strike.
        string[] every = ["--set", "training.checkpoint_every=1", "--set", "training.keep_checkpoints=3"];
        string metrics = Path.Combine(run.Folder("killed"), "metrics.jsonl");
        int kills = 0;
        for (string[] call = run.Train("killed", every); kills < WantedKills; call = run.Resume("killed"))
        {
            DateTime before = File.Exists(metrics) ? File.GetLastWriteTimeUtc(metrics) : default;
            using var process = new GptProcess("", call);
            while (!process.HasExited && (!File.Exists(metrics) || File.GetLastWriteTimeUtc(metrics) == before))
            {
                Thread.Sleep(1);
            }

            Thread.Sleep(random.Next(40));
            if (process.HasExited)
            {
                break;
            }

            process.Kill();
            process.Wait();
            kills++;
        }

        Expect(0, run.Resume("killed"));
        TestContext.Out.WriteLine($"{kills} kills");
        AssertSameEnd(run, "whole", "killed");
        Assert.That(
            Directory.GetDirectories(Path.Combine(run.Folder("killed"), "checkpoints")).Select(Path.GetFileName),
            Is.EquivalentTo(new[] { "step-00000038", "step-00000039", "step-00000040" }));
    }

    [TestCase(true)]
    [TestCase(false)]
    public void Signal_FinishesTheStep_WritesACheckpoint_AndExits130(bool controlC)
    {
        using var run = new SmallRun();
        using var process = new GptProcess("", run.Train("stopped", "--steps", "1000000"));
        SmallRun.WaitFor(Path.Combine(run.Folder("stopped"), "metrics.jsonl"));
        if (controlC)
        {
            process.Interrupt();
        }
        else
        {
            process.Terminate();
        }

        (int code, string output, string error) = process.Wait();
        Assert.That(code, Is.EqualTo(130), error);
        Assert.That(output, Does.Contain("--resume"));
        int steps = run.Steps("stopped").Count;
        Assert.That(run.Checkpoint("stopped", steps), Does.Exist);
        Expect(0, run.Resume("stopped", "--steps", (steps + 2).ToString(System.Globalization.CultureInfo.InvariantCulture)));
        Assert.That(run.Steps("stopped"), Has.Count.EqualTo(steps + 2));
    }

    [Test]
    public void Resume_DamagedCheckpoint_FallsBackToTheOneBefore_SayingSo()
    {
        using var run = new SmallRun();
        Expect(0, run.Train("whole"));
        Expect(0, run.Train("damaged", "--set", "training.checkpoint_every=10", "--steps", "30"));
        string weights = Path.Combine(run.Checkpoint("damaged", 30), "model.safetensors");
        byte[] bytes = File.ReadAllBytes(weights);
        bytes[^100] ^= 1;
        File.WriteAllBytes(weights, bytes);
        (int code, string output, string error) = GptProcess.Run(run.Resume("damaged", "--steps", "40"));
        Assert.That(code, Is.Zero, error);
        Assert.That(output + error, Does.Contain("step-00000030").And.Contain("step-00000020"));
        AssertSameEnd(run, "whole", "damaged");
    }

    [Test]
    public void Resume_NamedCheckpointAndChangedKey_GoesBackAndSaysWhatChanged()
    {
        using var run = new SmallRun();
        Expect(0, run.Train("back", "--set", "training.checkpoint_every=10", "--steps", "30"));
        (int code, string output, string error) = GptProcess.Run(
            ["train", "--run", run.Folder("back"), "--resume", "step-00000010", "--set", "optimizer.learning_rate=5e-4", "--steps", "20"]);
        Assert.That(code, Is.Zero, error);
        Assert.That(output, Does.Contain("learning_rate"));
        Assert.That(run.Steps("back"), Has.Count.EqualTo(20));
        Assert.That(Path.Combine(run.Folder("back"), "metrics.until-step-00000030.jsonl"), Does.Exist);
    }

    private static void Expect(int code, string[] call)
    {
        (int exitCode, _, string error) = GptProcess.Run(call);
        Assert.That(exitCode, Is.EqualTo(code), error);
    }

    private static void AssertSameEnd(SmallRun run, string expected, string actual)
    {
        Assert.That(run.Steps(actual), Is.EqualTo(run.Steps(expected)));
        foreach (string file in (string[])["model.safetensors", "optimizer.safetensors"])
        {
            Assert.That(
                File.ReadAllBytes(Path.Combine(run.Checkpoint(actual, 40), file)).AsSpan().SequenceEqual(File.ReadAllBytes(Path.Combine(run.Checkpoint(expected, 40), file))),
                Is.True, file);
        }
    }
}
