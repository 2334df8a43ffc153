using System.Collections.Generic;
using System.IO;
using System.Linq;
using GptEngine.Engine.Configuration;
using GptEngine.Engine.Training;
using GptEngine.Kernels.Common;

namespace GptEngine.Engine.SelfTesting;

/// <summary>A short training run in a folder of its own, and what is left of it.</summary>
/// <param name="plan">What is trained.</param>
/// <param name="folder">The run folder, made here; the caller's.</param>
internal sealed class ShortRun(SelfTestPlan plan, string folder)
{
    private readonly List<StepReport> _steps = [];

    public static int HalfOf(SelfTestPlan plan) => (int)plan.Training.Training.Steps / 2;

    /// <summary>The loss of each step of the last call.</summary>
    public float[] Losses => [.. _steps.Select(step => step.Loss)];

    /// <summary>Whether every step of the last call was applied.</summary>
    public bool AllApplied => _steps.TrueForAll(step => step.IsApplied);

    /// <summary>Trains from the start, or from the checkpoint half way, to the end; with a checkpoint half way and at the end.</summary>
    public void Run(IOperations operations, Precision precision, bool fromHalf = false)
    {
        _steps.Clear();
        Directory.CreateDirectory(folder);
        RunConfiguration configuration = plan.Training with
        {
            Training = plan.Training.Training with { Precision = precision, CheckpointEvery = HalfOf(plan), Seed = (ulong)plan.Seed },
        };
        using TrainingSession session = TrainingSession.Create(configuration, operations, new TrainingSessionOptions
        {
            RunFolder = folder,
            Resume = fromHalf,
            ResumeFrom = fromHalf ? Checkpoint(HalfOf(plan)) : null,
            Tokens = plan.Tokens,
            Observers = [new Listener(_steps)],
        });
        session.Run();
    }

    /// <summary>The final checkpoint's files, each as it is on disk.</summary>
    public IReadOnlyDictionary<string, byte[]> Result()
    {
        string last = Path.Combine(folder, "checkpoints", Checkpoint((int)plan.Training.Training.Steps));
        return new[] { "model.safetensors", "optimizer.safetensors" }.ToDictionary(name => name, name => File.ReadAllBytes(Path.Combine(last, name)));
    }

    private static string Checkpoint(int step) => Checkpoints.CheckpointStore.NameOf(step);

    private sealed class Listener(List<StepReport> steps) : ITrainingObserver
    {
        public void OnStep(in StepReport report) => steps.Add(report);
    }
}
