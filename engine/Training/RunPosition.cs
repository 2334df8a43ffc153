namespace GptEngine.Engine.Training;

/// <summary>Where a run stands.</summary>
/// <param name="Step">Optimizer steps done.</param>
/// <param name="Tokens">Tokens seen: n of the learning rate.</param>
/// <param name="Window">The window that the next step reads, counted over all epochs. Equals the step, but after a rollback.</param>
internal readonly record struct RunPosition(long Step, long Tokens, long Window)
{
    public RunPosition Next(long tokens) => new(Step + 1, Tokens + tokens, Window + 1);
}
