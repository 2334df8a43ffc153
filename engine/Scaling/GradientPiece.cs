namespace GptEngine.Engine.Scaling;

/// <summary>Gradients that are finished at one time.</summary>
/// <param name="Bytes">As they are summed.</param>
/// <param name="ReadyAt">When, as a share of a micro-step, from 0 to 1.</param>
public readonly record struct GradientPiece(double Bytes, double ReadyAt);
