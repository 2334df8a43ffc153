namespace GptEngine.Engine.Scaling;

/// <summary>Weights that sharded ranks gather at once after an update.</summary>
/// <param name="Bytes">Of all ranks' parts.</param>
/// <param name="NeededAt">When the next micro-step first reads them, as a share of it.</param>
/// <param name="IsEarly">Whether they are gathered while others are still updated, and not during that micro-step.</param>
public readonly record struct WeightPiece(double Bytes, double NeededAt, bool IsEarly);
