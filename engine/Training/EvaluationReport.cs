namespace GptEngine.Engine.Training;

/// <summary>An evaluation on the validation stream, as <c>metrics.jsonl</c> has it.</summary>
/// <param name="Step">Steps done.</param>
/// <param name="Loss">Mean cross-entropy.</param>
/// <param name="Perplexity">e to the loss.</param>
public readonly record struct EvaluationReport(long Step, double Loss, double Perplexity);
