namespace GptEngine.Kernels.Common;

/// <summary>How a token is drawn from logits.</summary>
/// <param name="Temperature">Divides the logits; 0 takes the largest logit (lowest id on a tie).</param>
/// <param name="TopK">Keep only the k largest; 0 keeps all.</param>
/// <param name="TopP">Then keep the smallest set of the most probable tokens whose probabilities sum to at least this; 1 keeps all.</param>
/// <param name="Seed">Key of the Philox draw; its counter is the position of the token drawn.</param>
public readonly record struct SamplingOptions(float Temperature, int TopK, float TopP, ulong Seed);
