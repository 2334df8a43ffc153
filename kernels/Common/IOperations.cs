using System.Collections.Generic;
using GptEngine.Kernels.Common.Selection;
using GptEngine.Runtime.Devices;
using GptEngine.Runtime.Memory;

namespace GptEngine.Kernels.Common;

/// <summary>
/// Everything the model asks of a device. Each call enqueues work on the device's compute stream and returns; none allocates, none waits.
/// Shape letters: B batch, T time, N = B·T rows, C channels, H heads, D head size, V vocabulary, P padded vocabulary (a multiple of 128).
/// Arguments are checked by <see cref="OperationChecks"/>: a wrong type, shape or overlap is an ArgumentException before anything is enqueued.
/// "x" stands for the storage type of activations (fp32, fp16 or bf16; fp64 on the reference device), "m" for the type of masters,
/// gradients of parameters and statistics (fp32; fp64 on the reference device). Compute weights are x. Unless a parameter says
/// "accumulated", outputs are overwritten whatever they held, NaN included. No two arguments overlap unless the text allows it.
/// <c>accumulate</c>: true adds to the parameter gradients, false overwrites them (the first micro-step of a step, so nobody zeroes them).
/// </summary>
public interface IOperations
{
    /// <summary>The device these run on.</summary>
    Device Device { get; }

    /// <summary>The type of activations and compute weights.</summary>
    DataType Storage { get; }

    /// <summary>The type of master weights, parameter gradients, moments and statistics: fp32, or fp64 on the reference device.</summary>
    DataType Master { get; }

    /// <summary>Which kernels run where several could, as far as it has come to them; none on a device without such a choice.</summary>
    IReadOnlyList<KernelChoice> Choices => [];

    /// <summary>The scratch that operations share, one at a time; its size is the largest of the <c>…WorkspaceBytes</c> of those to be called.</summary>
    /// <param name="workspace">(bytes / 4) fp32.</param>
    void BindWorkspace(Tensor workspace);

    // ---- Fill and cast ----

    /// <summary>Sets every element (any type) to zero.</summary>
    void Zero(Tensor destination);

    /// <summary>destination = source, converted to the destination's type, round to nearest even; beyond its range ±∞. Both floating point.</summary>
    void Cast(Tensor source, Tensor destination);

    // ---- Embedding ----

    /// <summary>output[n, c] = dropout(tokenEmbedding[tokens[n], c] + positionEmbedding[positions(n), c]).</summary>
    /// <param name="tokens">(B, T) int32, each in [0, V).</param>
    /// <param name="tokenEmbedding">(P, C) x.</param>
    /// <param name="positionEmbedding">(≥ firstPosition + T, C) x; null where positions are rotary.</param>
    /// <param name="output">(N, C) x.</param>
    /// <param name="firstPosition">Position of each sequence's first token: 0 in training, the cache's length in decoding.</param>
    /// <param name="dropout">On the sum.</param>
    void EmbeddingForward(Tensor tokens, Tensor tokenEmbedding, Tensor? positionEmbedding, Tensor output, int firstPosition, in Dropout dropout);

    /// <summary>
    /// gradTokenEmbedding[tokens[n], c] += gradOutput[n, c] (dropout applied), and gradPositionEmbedding[t, c] = or += Σ_b.
    /// The token embedding's gradient is always accumulated (tied heads have written it before; the caller zeroes it otherwise).
    /// </summary>
    /// <param name="tokens">(B, T) int32.</param>
    /// <param name="gradOutput">(N, C) x.</param>
    /// <param name="gradTokenEmbedding">(P, C) m, accumulated.</param>
    /// <param name="gradPositionEmbedding">(≥ T, C) m, rows t &lt; T accumulated if <paramref name="accumulate"/>, else overwritten and rows beyond T zeroed; null unless learned.</param>
    /// <param name="dropout">The forward pass's.</param>
    /// <param name="accumulate">For the position embedding.</param>
    void EmbeddingBackward(
        Tensor tokens, Tensor gradOutput, Tensor gradTokenEmbedding, Tensor? gradPositionEmbedding, in Dropout dropout, bool accumulate);

    long EmbeddingBackwardWorkspaceBytes(long rows, long channels, long paddedVocabulary);

    // ---- Layer norm ----

    /// <summary>sum = x + dropout(delta); y = (sum − mean)·rstd·weight + bias.</summary>
    /// <param name="x">(N, C) x: the residual stream.</param>
    /// <param name="delta">(N, C) x: what the sub-layer before adds to it; null for none, then sum is not written.</param>
    /// <param name="sum">(N, C) x; may be the same tensor as <paramref name="x"/>; null exactly when delta is.</param>
    /// <param name="weight">(C) x.</param>
    /// <param name="bias">(C) x.</param>
    /// <param name="y">(N, C) x.</param>
    /// <param name="mean">(N) m.</param>
    /// <param name="rstd">(N) m: 1/√(variance + epsilon).</param>
    /// <param name="epsilon">Added to the (biased) variance.</param>
    /// <param name="dropout">On delta.</param>
    void LayerNormForward(
        Tensor x, Tensor? delta, Tensor? sum, Tensor weight, Tensor bias, Tensor y, Tensor mean, Tensor rstd, float epsilon, in Dropout dropout);

    /// <summary>
    /// gradSum = (accumulateGradSum ? gradSum : 0) + ∂y/∂sum·gradY; then gradDelta = dropout backward of gradSum where asked for.
    /// </summary>
    /// <param name="gradY">(N, C) x.</param>
    /// <param name="sum">(N, C) x: what was normalised.</param>
    /// <param name="weight">(C) x.</param>
    /// <param name="mean">(N) m.</param>
    /// <param name="rstd">(N) m.</param>
    /// <param name="gradSum">(N, C) x: the gradient of the residual stream.</param>
    /// <param name="gradWeight">(C) m.</param>
    /// <param name="gradBias">(C) m.</param>
    /// <param name="gradDelta">(N, C) x; null without dropout (gradSum itself then is delta's gradient) or where nothing was added.</param>
    /// <param name="accumulateGradSum">Whether gradSum already holds the gradient that flows along the residual stream.</param>
    /// <param name="dropout">The forward pass's, on delta.</param>
    /// <param name="accumulate">For gradWeight and gradBias.</param>
    void LayerNormBackward(
        Tensor gradY, Tensor sum, Tensor weight, Tensor mean, Tensor rstd, Tensor gradSum, Tensor gradWeight, Tensor gradBias, Tensor? gradDelta,
        bool accumulateGradSum, in Dropout dropout, bool accumulate);

    long LayerNormBackwardWorkspaceBytes(long rows, long channels);

    // ---- Linear layers: weight is (out, in) ----

    /// <summary>z = x·weightᵀ + bias; y = activation(z); preActivation = z where given.</summary>
    /// <param name="x">(N, in) x.</param>
    /// <param name="weight">(out, in) x.</param>
    /// <param name="bias">(out) x, or null.</param>
    /// <param name="y">(N, out) x.</param>
    /// <param name="activation">Applied to z.</param>
    /// <param name="preActivation">(N, out) x; null to drop z (identity, or no backward pass to come).</param>
    void LinearForward(Tensor x, Tensor weight, Tensor? bias, Tensor y, Activation activation, Tensor? preActivation);

    /// <summary>gradX = (gradY·weight) ⊙ activation'(preActivation): the gradient of this layer's input, taken through the activation that made it.</summary>
    /// <param name="gradY">(N, out) x.</param>
    /// <param name="weight">(out, in) x.</param>
    /// <param name="gradX">(N, in) x.</param>
    /// <param name="activation">The activation whose output was this layer's input; identity for none.</param>
    /// <param name="preActivation">(N, in) x: what that activation was applied to; null for identity. May be the same tensor as gradX.</param>
    void LinearBackwardInput(Tensor gradY, Tensor weight, Tensor gradX, Activation activation, Tensor? preActivation);

    /// <summary>gradWeight (+)= gradYᵀ·x; gradBias (+)= Σ_n gradY[n].</summary>
    /// <param name="gradY">(N, out) x.</param>
    /// <param name="x">(N, in) x.</param>
    /// <param name="gradWeight">(out, in) m.</param>
    /// <param name="gradBias">(out) m, or null.</param>
    /// <param name="accumulate">Adds to both, or overwrites both.</param>
    void LinearBackwardWeight(Tensor gradY, Tensor x, Tensor gradWeight, Tensor? gradBias, bool accumulate);

    long LinearWorkspaceBytes(long rows, long inputs, long outputs);

    // ---- Attention ----

    /// <summary>
    /// Rotates Q and K in place: with D' = D/2 and angle(t, i) = (firstPosition + t)·10000^(−i/D'), (a, b) = (q[i], q[i + D']) becomes
    /// (a·cos − b·sin, a·sin + b·cos). Su et al. 2021, in the half-split form.
    /// </summary>
    /// <param name="qkv">(N, 3C) x.</param>
    /// <param name="cosine">(≥ firstPosition + T, D/2) m.</param>
    /// <param name="sine">(≥ firstPosition + T, D/2) m.</param>
    /// <param name="shape">B, T, H, D; D even.</param>
    /// <param name="firstPosition">Position of each sequence's first row.</param>
    /// <param name="inverse">Rotates back: the gradient's way.</param>
    void Rotary(Tensor qkv, Tensor cosine, Tensor sine, in AttentionShape shape, int firstPosition, bool inverse);

    /// <summary>
    /// For each head: output = softmax(Q·Kᵀ·scale + mask)·V, where query t sees key j exactly when documentStart[t] ≤ j ≤ t.
    /// </summary>
    /// <param name="qkv">(N, 3C) x: a row is all of Q, then K, then V, each by head.</param>
    /// <param name="documentStart">(B, T) int32: index within its sequence of the first key that each query sees; non-decreasing, at most t.</param>
    /// <param name="output">(N, C) x.</param>
    /// <param name="logSumExp">(B, H, T) m: natural logarithm of the softmax's denominator, scale included.</param>
    /// <param name="shape">B, T, H, D.</param>
    void AttentionForward(Tensor qkv, Tensor documentStart, Tensor output, Tensor logSumExp, in AttentionShape shape);

    /// <param name="qkv">(N, 3C) x: as the forward pass saw it.</param>
    /// <param name="documentStart">(B, T) int32.</param>
    /// <param name="output">(N, C) x: of the forward pass.</param>
    /// <param name="logSumExp">(B, H, T) m: of the forward pass.</param>
    /// <param name="gradOutput">(N, C) x.</param>
    /// <param name="gradQkv">(N, 3C) x.</param>
    /// <param name="shape">B, T, H, D.</param>
    void AttentionBackward(
        Tensor qkv, Tensor documentStart, Tensor output, Tensor logSumExp, Tensor gradOutput, Tensor gradQkv, in AttentionShape shape);

    long AttentionBackwardWorkspaceBytes(in AttentionShape shape);

    /// <summary>
    /// One new token a sequence: appends its K and V to the cache at <paramref name="position"/>, then attends to the cached positions
    /// [documentStart[b], position].
    /// </summary>
    /// <param name="qkv">(B, 3C) x, rotated already where positions are rotary.</param>
    /// <param name="keyCache">(B, H, Tmax, D) x.</param>
    /// <param name="valueCache">(B, H, Tmax, D) x.</param>
    /// <param name="documentStart">(B) int32.</param>
    /// <param name="output">(B, C) x.</param>
    /// <param name="position">Index of the new token, the same for all sequences.</param>
    /// <param name="shape">Time is 1.</param>
    void AttentionDecode(
        Tensor qkv, Tensor keyCache, Tensor valueCache, Tensor documentStart, Tensor output, int position, in AttentionShape shape);

    /// <summary>Copies the K and V of <paramref name="qkv"/>'s T rows a sequence into the cache from position 0 on (after a prompt's forward pass).</summary>
    void CacheKeysAndValues(Tensor qkv, Tensor keyCache, Tensor valueCache, in AttentionShape shape);

    // ---- Head and loss ----

    /// <summary>
    /// logits = x·weightᵀ + bias over the V real columns; losses[n] = −log softmax(logits[n])[targets[n]]; and, where gradX is given, with
    /// s = LossScale·gradientScale: gradLogits = s·(softmax − onehot), gradX = gradLogits·weight, gradWeight (+)= gradLogitsᵀ·x,
    /// gradBias (+)= Σ gradLogits. Works through the rows in chunks: (N, V) logits never exist. Padded rows of the gradients get zero,
    /// or zero added; padded rows of weight and bias hold finite numbers, which have no effect.
    /// </summary>
    /// <param name="x">(N, C) x.</param>
    /// <param name="weight">(P, C) x; rows V and beyond are padding.</param>
    /// <param name="bias">(P) x, or null.</param>
    /// <param name="targets">(B, T) int32, each in [0, V).</param>
    /// <param name="losses">(N) m.</param>
    /// <param name="gradX">(N, C) x; null for evaluation, then nothing of the gradients is touched. May be the same tensor as x.</param>
    /// <param name="gradWeight">(P, C) m, or null with gradX.</param>
    /// <param name="gradBias">(P) m, or null.</param>
    /// <param name="vocabulary">V.</param>
    /// <param name="gradientScale">1 / target tokens of the optimizer step.</param>
    /// <param name="scalars">Where <see cref="StepScalar.LossScale"/> is.</param>
    /// <param name="accumulate">For gradWeight and gradBias.</param>
    void CrossEntropyHead(
        Tensor x, Tensor weight, Tensor? bias, Tensor targets, Tensor losses, Tensor? gradX, Tensor? gradWeight, Tensor? gradBias,
        int vocabulary, float gradientScale, Tensor scalars, bool accumulate);

    long CrossEntropyHeadWorkspaceBytes(long rows, long channels, long paddedVocabulary);

    /// <summary>scalars[Loss] (+)= Σ losses · scale, summed in a fixed order.</summary>
    /// <param name="losses">(N) m.</param>
    /// <param name="scalars">The step scalars.</param>
    /// <param name="scale">1 / target tokens of the optimizer step.</param>
    /// <param name="accumulate">False on the first micro-step.</param>
    void SumLosses(Tensor losses, Tensor scalars, float scale, bool accumulate);

    /// <summary>ids[b] = a token drawn from row b of the logits, as <see cref="SamplingOptions"/> defines it.</summary>
    /// <param name="logits">(B, P) x; columns V and beyond are ignored.</param>
    /// <param name="ids">(B) int32.</param>
    /// <param name="vocabulary">V.</param>
    /// <param name="position">Counter of the draw.</param>
    /// <param name="options">Temperature, top-k, top-p, seed.</param>
    void Sample(Tensor logits, Tensor ids, int vocabulary, long position, in SamplingOptions options);

    long SampleWorkspaceBytes(long batch, long paddedVocabulary);

    // ---- Optimizer ----

    /// <summary>
    /// Global L2 norm of the whole gradient arena, loss scale divided out, and what follows from it. Loss must be complete before.
    /// With S the loss scale that the gradients were made with: GradientNorm = √(Σ g²)/S. IsFinite = 1 if Loss and GradientNorm are finite
    /// (a sum of squares beyond the type's range is not), else 0. GradientFactor = min(1, Clip/GradientNorm)/S, or 1/S where Clip is 0, or
    /// 0 where IsFinite is. AppliedUpdates += IsFinite. With dynamic scaling, where IsFinite is 0: LossScale = max(1, S/2), GoodSteps = 0;
    /// else GoodSteps += 1, and if it then is at least the growth interval, LossScale = min(2²⁴, 2·S) and GoodSteps = 0. Without it neither changes.
    /// No other scalar is written. The sum is taken in a fixed order.
    /// </summary>
    /// <param name="gradients">(G) m: the arena, padding between tensors included (zeros).</param>
    /// <param name="scalars">The step scalars.</param>
    /// <param name="options">Clip and loss scaling.</param>
    void GradientNorm(Tensor gradients, Tensor scalars, in AdamWOptions options);

    long GradientNormWorkspaceBytes(long count);

    /// <summary>
    /// Sums of squares of a part of the gradients, for a norm over parts that lie on several devices: each element of the sums is Σ g² over
    /// some of the gradients; which, depends on their count alone. Taken in a fixed order.
    /// </summary>
    /// <param name="gradients">(G) m.</param>
    /// <param name="sums">(<see cref="GradientSquaresCount"/> of G) m.</param>
    void GradientSquares(Tensor gradients, Tensor sums);

    /// <summary>How many sums <see cref="GradientSquares"/> makes of <paramref name="count"/> gradients.</summary>
    long GradientSquaresCount(long count);

    /// <summary>What <see cref="GradientNorm"/> does, with Σ g² = Σ <paramref name="sums"/>.</summary>
    /// <param name="sums">(S) m: of all gradients, from <see cref="GradientSquares"/>, added up over devices.</param>
    /// <param name="scalars">The step scalars.</param>
    /// <param name="options">Clip and loss scaling.</param>
    void GradientNormOfSquares(Tensor sums, Tensor scalars, in AdamWOptions options);

    /// <summary>
    /// One AdamW update of the whole arena: g = gradients·GradientFactor; m = β1·m + (1−β1)·g; v = β2·v + (1−β2)·g²;
    /// w −= lr·(m/(1−β1^t)/(√(v/(1−β2^t)) + ε) + λ·w), with λ = 0 from element <paramref name="decayCount"/> on; t = AppliedUpdates.
    /// Does nothing at all where IsFinite is 0.
    /// </summary>
    /// <param name="parameters">(G) m, in place.</param>
    /// <param name="gradients">(G) m, read only.</param>
    /// <param name="firstMoment">(G) m, in place.</param>
    /// <param name="secondMoment">(G) m, in place.</param>
    /// <param name="computeCopy">(G) x: the parameters in storage type; null where that is the master type and the arenas are one.</param>
    /// <param name="decayCount">Elements at the start of the arena that decay.</param>
    /// <param name="scalars">The step scalars.</param>
    /// <param name="options">The constants.</param>
    void AdamW(
        Tensor parameters, Tensor gradients, Tensor firstMoment, Tensor secondMoment, Tensor? computeCopy, long decayCount, Tensor scalars,
        in AdamWOptions options);
}
