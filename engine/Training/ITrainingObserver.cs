using System.Collections.Generic;

namespace GptEngine.Engine.Training;

/// <summary>
/// Hears what happens in a run, on the thread that trains. Every method has an empty body, so that a listener takes only what it needs.
/// </summary>
public interface ITrainingObserver
{
    /// <summary>Before the first step.</summary>
    void OnOpening(OpeningBlock opening)
    {
    }

    /// <summary>A step's results are known; on a device that runs ahead, while the next step is under way.</summary>
    void OnStep(in StepReport report)
    {
    }

    void OnEvaluation(in EvaluationReport report)
    {
    }

    /// <summary>Text was generated from the sample prompt.</summary>
    /// <param name="step">Steps done.</param>
    /// <param name="tokens">What was generated; the prompt is not among it.</param>
    void OnSample(long step, IReadOnlyList<int> tokens)
    {
    }

    /// <summary>A checkpoint is on disk.</summary>
    void OnCheckpoint(long step, string folder)
    {
    }

    /// <summary>Something for the log: what was resumed, and with which changes.</summary>
    void OnNote(string message)
    {
    }

    /// <summary>Something that a person should see: a bad step, a damaged checkpoint, a rollback.</summary>
    void OnWarning(string message)
    {
    }
}
