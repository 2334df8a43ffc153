using System;
using GptEngine.Kernels.Common.Cpu;
using GptEngine.Runtime.Cpu;

namespace GptEngine.Kernels.CrossEntropy;

/// <summary>
/// First phase of the head, over slices of the vocabulary: a block of transposed logits (vocabulary, tokens) = W·Xᵀ, and while it is in the
/// first-level cache its maxima, e^(logit − maximum) in place of the logit, and the running sum. The only exponential a logit gets: what
/// the second phase needs follows by one factor a token and block.
/// </summary>
internal readonly unsafe struct HeadLogitsCpu<V>(HeadArguments arguments) : IParallelWork
    where V : unmanaged, ISimd<V>
{
    private readonly HeadArguments _arguments = arguments;

    public void Run(int begin, int end, int worker)
    {
        for (int slice = begin; slice < end; slice++)
            Slice(slice, worker);
    }

    private void Slice(int slice, int worker)
    {
        HeadBlocking blocking = _arguments.Blocking;
        HeadWorkspace memory = _arguments.Memory;
        int rows = blocking.ChunkRows, stride = blocking.Stride;
        float* maxima = memory.SliceMaxima + ((long)slice * rows), sums = memory.SliceSums + ((long)slice * rows);
        float* own = memory.Workers + (worker * memory.FloatsPerWorker);
        new Span<float>(maxima, rows).Fill(float.MinValue);
        new Span<float>(sums, rows).Clear();
        int last = Math.Min(blocking.Blocks, (slice + 1) * blocking.BlocksPerSlice);
        for (int block = slice * blocking.BlocksPerSlice; block < last; block++)
        {
            int first = block * HeadBlocking.BlockRows, count = Math.Min(HeadBlocking.BlockRows, _arguments.Vocabulary - first);
            // Without gradients to come nobody reads the logits again: one block of memory serves all.
            float* logits = _arguments.GradX == null ? own : memory.Logits + ((long)first * stride);
            TileProduct<V>.Multiply(
                count, rows, _arguments.Channels, _arguments.Weight + ((long)first * _arguments.Channels), _arguments.Channels, 1, memory.InputTransposed,
                stride, logits, stride, accumulate: false);
            TakeTargets(first, count, logits);
            Exponentials(logits, first, count, memory.BlockMaxima + ((long)block * rows), maxima, sums);
        }
    }

    private void TakeTargets(int first, int count, float* logits)
    {
        int* targets = _arguments.Targets + _arguments.FirstRow;
        for (int row = 0; row < _arguments.Rows; row++)
        {
            int within = targets[row] - first;
            if ((uint)within < (uint)count)
            {
                float bias = _arguments.Bias == null ? 0 : _arguments.Bias[targets[row]];
                _arguments.Memory.TargetLogits[row] = logits[((long)within * _arguments.Blocking.Stride) + row] + bias;
            }
        }
    }

    private void Exponentials(float* logits, int first, int count, float* blockMaxima, float* maxima, float* sums)
    {
        int rows = _arguments.Blocking.ChunkRows, stride = _arguments.Blocking.Stride;
        float* bias = _arguments.Bias == null ? null : _arguments.Bias + first;
        for (int lane = 0; lane < rows; lane += V.Count)
        {
            V maximum = V.Create(float.MinValue);
            float* at = logits + lane;
            if (bias == null)
            {
                for (int i = 0; i < count; i++, at += stride)
                    maximum = V.Max(maximum, V.Load(at));
            }
            else
            {
                for (int i = 0; i < count; i++, at += stride)
                {
                    V logit = V.Load(at) + V.Create(bias[i]);
                    logit.Store(at);
                    maximum = V.Max(maximum, logit);
                }
            }

            maximum.Store(blockMaxima + lane);
            V sum = V.Zero;
            at = logits + lane;
            for (int i = 0; i < count; i++, at += stride)
            {
                V weight = SimdMath.Exp(V.Load(at) - maximum);
                weight.Store(at);
                sum += weight;
            }

            V before = V.Load(maxima + lane), after = V.Max(before, maximum);
            after.Store(maxima + lane);
            V.MultiplyAdd(V.Load(sums + lane), SimdMath.Exp(before - after), sum * SimdMath.Exp(maximum - after)).Store(sums + lane);
        }
    }
}
