namespace GptEngine.Engine.Training;

/// <summary>What the device says of an optimizer step.</summary>
/// <param name="Loss">Mean cross-entropy over the step's target tokens.</param>
/// <param name="GradientNorm">Global norm before clipping.</param>
/// <param name="IsFinite">Whether both are finite and the weights were updated.</param>
/// <param name="StopRequested">Whether any rank had been asked to stop when it enqueued the step.</param>
/// <param name="SharesWritten">How many ranks had their share of a checkpoint on disk when they enqueued the step.</param>
public readonly record struct StepResult(float Loss, float GradientNorm, bool IsFinite, bool StopRequested, int SharesWritten);
