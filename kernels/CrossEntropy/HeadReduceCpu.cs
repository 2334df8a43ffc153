using GptEngine.Kernels.Common.Cpu;
using GptEngine.Runtime.Cpu;

namespace GptEngine.Kernels.CrossEntropy;

/// <summary>Last phase of the head, over tokens: gradX is the sum of the slices' parts, in order.</summary>
internal readonly unsafe struct HeadReduceCpu<V>(HeadArguments arguments) : IParallelWork
    where V : unmanaged, ISimd<V>
{
    private readonly HeadArguments _arguments = arguments;

    public void Run(int begin, int end, int worker)
    {
        HeadBlocking blocking = _arguments.Blocking;
        int channels = blocking.Channels;
        long slice = (long)blocking.ChunkRows * blocking.PaddedChannels;
        for (int row = begin; row < end; row++)
        {
            float* parts = _arguments.Memory.GradXParts + ((long)row * blocking.PaddedChannels);
            float* to = _arguments.GradX + ((_arguments.FirstRow + row) * channels);
            int c = 0;
            for (; c + V.Count <= channels; c += V.Count)
            {
                V total = V.Load(parts + c);
                for (int s = 1; s < blocking.Slices; s++)
                    total += V.Load(parts + (s * slice) + c);
                total.Store(to + c);
            }

            for (; c < channels; c++)
            {
                float total = parts[c];
                for (int s = 1; s < blocking.Slices; s++)
                    total += parts[(s * slice) + c];
                to[c] = total;
            }
        }
    }
}
