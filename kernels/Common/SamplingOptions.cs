namespace GptEngine.Kernels.Common;

/// <summary>
/// How a token is drawn from one row's logits z, ids 0 to V−1. Rank ids by descending logit, on a tie the lower id first. Keep the first
/// <paramref name="TopK"/>. Each kept id weighs exp((z − max z)/Temperature). Of these keep the shortest run from the first rank on whose
/// weights sum to at least TopP times the sum over all kept so far (always the first). Then, with the kept ids in ascending order and S the
/// sum of their weights, the token is the first id of positive weight up to which the weights sum to at least u·S, or, where rounding
/// leaves none, the last of positive weight. u is <see cref="Philox.ToUnit"/> of the first word of the draw with key = Seed and
/// counter = (row, position mod 2³², position / 2³², 0). Logits are finite or −∞, at least one of them finite; otherwise some id in [0, V).
/// </summary>
/// <param name="Temperature">Divides the logits; 0 takes the largest logit (lowest id on a tie).</param>
/// <param name="TopK">Keep only the k largest; 0 keeps all.</param>
/// <param name="TopP">Then keep the smallest set of the most probable tokens whose probabilities sum to at least this; 1 keeps all.</param>
/// <param name="Seed">Key of the Philox draw.</param>
public readonly record struct SamplingOptions(float Temperature, int TopK, float TopP, ulong Seed);
