namespace GptEngine.Engine.Training;

/// <summary>How a run ended when it ended well.</summary>
public enum TrainingOutcome
{
    /// <summary>All steps are done.</summary>
    Completed,

    /// <summary>Asked to stop: the step was finished and a checkpoint written.</summary>
    Interrupted,
}
