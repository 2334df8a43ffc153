using System.Collections.Generic;
using GptEngine.Engine.Training;

namespace GptEngine.Tests.Training;

/// <summary>Keeps all that a run reports.</summary>
internal sealed class RecordingObserver : ITrainingObserver
{
    public List<StepReport> Steps { get; } = [];

    public List<EvaluationReport> Evaluations { get; } = [];

    public List<IReadOnlyList<int>> Samples { get; } = [];

    public List<long> Checkpoints { get; } = [];

    public List<string> Notes { get; } = [];

    public List<string> Warnings { get; } = [];

    public OpeningBlock? Opening { get; private set; }

    public System.Action<long>? AfterStep { get; init; }

    public void OnOpening(OpeningBlock opening) => Opening = opening;

    public void OnStep(in StepReport report)
    {
        Steps.Add(report);
        AfterStep?.Invoke(report.Step);
    }

    public void OnEvaluation(in EvaluationReport report) => Evaluations.Add(report);

    public void OnSample(long step, IReadOnlyList<int> tokens) => Samples.Add(tokens);

    public void OnCheckpoint(long step, string folder) => Checkpoints.Add(step);

    public void OnNote(string message) => Notes.Add(message);

    public void OnWarning(string message) => Warnings.Add(message);
}
