namespace GptEngine.Engine.Training;

/// <summary>One optimizer step, as <c>metrics.jsonl</c> has it.</summary>
/// <param name="Step">Steps done, this one included.</param>
/// <param name="Tokens">Tokens seen, this step's included.</param>
/// <param name="Loss">Mean cross-entropy over the step's target tokens.</param>
/// <param name="LearningRate">That the step was made with.</param>
/// <param name="GradNorm">Global gradient norm before clipping.</param>
/// <param name="TokensPerSecond">Of this step, all ranks.</param>
/// <param name="Mfu">Model FLOPs utilisation, 0 to 1; 0 where the device's peak is not known.</param>
/// <param name="Seconds">Wall-clock time of this step.</param>
/// <param name="IsApplied">False for a bad step: loss or norm not finite, weights left as they were.</param>
public readonly record struct StepReport(
    long Step, long Tokens, float Loss, float LearningRate, float GradNorm, double TokensPerSecond, double Mfu, double Seconds, bool IsApplied);
