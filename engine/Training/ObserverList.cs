using System.Collections.Generic;

namespace GptEngine.Engine.Training;

/// <summary>Tells all who listen, in order, without allocating.</summary>
internal sealed class ObserverList(IReadOnlyList<ITrainingObserver> observers) : ITrainingObserver
{
    private readonly ITrainingObserver[] _observers = [.. observers];

    public void OnOpening(OpeningBlock opening)
    {
        foreach (ITrainingObserver observer in _observers)
        {
            observer.OnOpening(opening);
        }
    }

    public void OnStep(in StepReport report)
    {
        foreach (ITrainingObserver observer in _observers)
        {
            observer.OnStep(report);
        }
    }

    public void OnEvaluation(in EvaluationReport report)
    {
        foreach (ITrainingObserver observer in _observers)
        {
            observer.OnEvaluation(report);
        }
    }

    public void OnSample(long step, IReadOnlyList<int> tokens)
    {
        foreach (ITrainingObserver observer in _observers)
        {
            observer.OnSample(step, tokens);
        }
    }

    public void OnCheckpoint(long step, string folder)
    {
        foreach (ITrainingObserver observer in _observers)
        {
            observer.OnCheckpoint(step, folder);
        }
    }

    public void OnNote(string message)
    {
        foreach (ITrainingObserver observer in _observers)
        {
            observer.OnNote(message);
        }
    }

    public void OnWarning(string message)
    {
        foreach (ITrainingObserver observer in _observers)
        {
            observer.OnWarning(message);
        }
    }
}
