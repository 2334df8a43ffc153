namespace GptEngine.Engine.Model;

/// <summary>Hears, while the work of a backward pass is enqueued, what of its results the work enqueued so far completes.</summary>
public interface IGradientListener
{
    /// <summary>The loss of the micro-step is in the step scalars.</summary>
    void OnLoss();

    /// <summary>So are the gradients of all parameters of a phase (<see cref="ParameterSpec.GradientPhase"/>) in the arena.</summary>
    void OnGradients(int phase);
}
