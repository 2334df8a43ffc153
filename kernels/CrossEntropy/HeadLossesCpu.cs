using System;
using GptEngine.Runtime.Cpu;

namespace GptEngine.Kernels.CrossEntropy;

/// <summary>Between the phases, over tokens: joins the slices' sums, in order, to the logarithm of the softmax's denominator; the losses follow.</summary>
internal readonly unsafe struct HeadLossesCpu(HeadArguments arguments) : IParallelWork
{
    private readonly HeadArguments _arguments = arguments;

    public void Run(int begin, int end, int worker)
    {
        HeadWorkspace memory = _arguments.Memory;
        int rows = _arguments.Blocking.ChunkRows;
        for (int row = begin; row < end; row++)
        {
            float maximum = float.MinValue;
            for (int slice = 0; slice < _arguments.Blocking.Slices; slice++)
                maximum = MathF.Max(maximum, memory.SliceMaxima[((long)slice * rows) + row]);
            double sum = 0;
            for (int slice = 0; slice < _arguments.Blocking.Slices; slice++)
            {
                long at = ((long)slice * rows) + row;
                sum += memory.SliceSums[at] * MathF.Exp(memory.SliceMaxima[at] - maximum);
            }

            double logSumExp = maximum + Math.Log(sum);
            memory.LogSumExp[row] = (float)logSumExp;
            _arguments.Losses[_arguments.FirstRow + row] = (float)(logSumExp - memory.TargetLogits[row]);
        }
    }
}
