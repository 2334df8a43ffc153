using System;
using GptEngine.Kernels.Common.Cpu;
using GptEngine.Runtime.Cpu;

namespace GptEngine.Kernels.CrossEntropy;

/// <summary>
/// Second phase of the head, over slices of the vocabulary: a block of exponentials becomes scale·(softmax − onehot) in place, and from the
/// cache feeds both products, gradX += Gᵀ·W into the slice's part and gradWeight (+)= G·X, whose rows the slice owns.
/// </summary>
internal readonly unsafe struct HeadGradientsCpu<V>(HeadArguments arguments) : IParallelWork
    where V : unmanaged, ISimd<V>
{
    private readonly HeadArguments _arguments = arguments;

    public void Run(int begin, int end, int worker)
    {
        for (int slice = begin; slice < end; slice++)
        {
            HeadBlocking blocking = _arguments.Blocking;
            int first = slice * blocking.BlocksPerSlice, last = Math.Min(blocking.Blocks, first + blocking.BlocksPerSlice);
            for (int block = first; block < last; block++)
                Block(slice, block, accumulateGradX: block > first, worker);
        }
    }

    private void Block(int slice, int block, bool accumulateGradX, int worker)
    {
        HeadBlocking blocking = _arguments.Blocking;
        HeadWorkspace memory = _arguments.Memory;
        int rows = blocking.ChunkRows, stride = blocking.Stride, channels = _arguments.Channels, padded = blocking.PaddedChannels;
        int first = block * HeadBlocking.BlockRows, count = Math.Min(HeadBlocking.BlockRows, _arguments.Vocabulary - first);
        float* gradients = memory.Logits + ((long)first * stride);
        float* own = memory.Workers + (worker * memory.FloatsPerWorker);
        ScaleLogits(gradients, count, first, memory.BlockMaxima + ((long)block * rows), own);

        float* weight = _arguments.Weight + ((long)first * channels), gradWeight = _arguments.GradWeight + ((long)first * channels);
        bool accumulate = _arguments.Accumulate || _arguments.FirstRow > 0;
        float* part = memory.GradXParts + ((long)slice * rows * padded);
        if (padded == channels)
        {
            TileProduct<V>.Multiply(_arguments.Rows, padded, count, gradients, 1, stride, weight, channels, part, padded, accumulateGradX);
            TileProduct<V>.Multiply(count, padded, _arguments.Rows, gradients, stride, 1, memory.InputRows, blocking.InputStride, gradWeight, channels, accumulate);
            return;
        }

        float* paddedWeight = own, product = own + ((long)HeadBlocking.BlockRows * padded);
        for (int i = 0; i < count; i++)
        {
            new Span<float>(weight + ((long)i * channels), channels).CopyTo(new Span<float>(paddedWeight + ((long)i * padded), channels));
            new Span<float>(paddedWeight + ((long)i * padded) + channels, padded - channels).Clear();
        }

        TileProduct<V>.Multiply(_arguments.Rows, padded, count, gradients, 1, stride, paddedWeight, padded, part, padded, accumulateGradX);
        TileProduct<V>.Multiply(count, padded, _arguments.Rows, gradients, stride, 1, memory.InputRows, blocking.InputStride, product, padded, false);
        for (int i = 0; i < count; i++, product += padded, gradWeight += channels)
        {
            for (int c = 0; c < channels; c++)
                gradWeight[c] = accumulate ? gradWeight[c] + product[c] : product[c];
        }
    }

    // softmax = e^(logit − block's maximum)·e^(block's maximum − logSumExp)
    private void ScaleLogits(float* gradients, int count, int first, float* blockMaxima, float* factors)
    {
        int rows = _arguments.Blocking.ChunkRows;
        V scale = V.Create(_arguments.Scale);
        for (int lane = 0; lane < rows; lane += V.Count)
            (SimdMath.Exp(V.Load(blockMaxima + lane) - V.Load(_arguments.Memory.LogSumExp + lane)) * scale).Store(factors + lane);
        // Tokens that only pad the chunk weigh nothing.
        new Span<float>(factors + _arguments.Rows, rows - _arguments.Rows).Clear();
        float* at = gradients;
        for (int i = 0; i < count; i++, at += _arguments.Blocking.Stride)
        {
            for (int lane = 0; lane < rows; lane += V.Count)
                (V.Load(at + lane) * V.Load(factors + lane)).Store(at + lane);
        }

        int* targets = _arguments.Targets + _arguments.FirstRow;
        for (int row = 0; row < _arguments.Rows; row++)
        {
            int within = targets[row] - first;
            if ((uint)within < (uint)count)
                gradients[((long)within * _arguments.Blocking.Stride) + row] -= _arguments.Scale;
        }

        if (_arguments.GradBias != null)
            BiasGradient(gradients, count, _arguments.GradBias + first);
    }

    private void BiasGradient(float* gradients, int count, float* gradBias)
    {
        int rows = _arguments.Blocking.ChunkRows;
        bool accumulate = _arguments.Accumulate || _arguments.FirstRow > 0;
        for (int i = 0; i < count; i++, gradients += _arguments.Blocking.Stride)
        {
            V total = V.Zero;
            for (int lane = 0; lane < rows; lane += V.Count)
                total += V.Load(gradients + lane);
            gradBias[i] = accumulate ? gradBias[i] + total.Sum() : total.Sum();
        }
    }
}
