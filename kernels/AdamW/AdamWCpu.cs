using System;
using GptEngine.Kernels.Common.Cpu;
using GptEngine.Runtime.Cpu;

namespace GptEngine.Kernels.AdamW;

/// <summary>One AdamW update on the CPU: four streams read, three written, one pass.</summary>
/// <param name="parameters">(G), in place.</param>
/// <param name="gradients">(G), read only.</param>
/// <param name="firstMoment">(G), in place.</param>
/// <param name="secondMoment">(G), in place.</param>
/// <param name="computeCopy">(G), the updated parameters again; null for none.</param>
/// <param name="decayCount">Elements from the start that decay.</param>
/// <param name="constants">The step's constants.</param>
internal readonly unsafe struct AdamWCpu<V>(
    float* parameters, float* gradients, float* firstMoment, float* secondMoment, float* computeCopy, long decayCount, AdamWConstants constants)
    : IParallelWork
    where V : unmanaged, ISimd<V>
{
    // 16 KiB of each stream.
    private const int ItemElements = 4096;

    private readonly AdamWConstants _constants = constants;

    public static int ItemsOf(long count) => checked((int)((count + ItemElements - 1) / ItemElements));

    public void Run(int begin, int end, int worker)
    {
        long from = (long)begin * ItemElements, to = Math.Min(_constants.Count, (long)end * ItemElements);
        long boundary = Math.Clamp(decayCount, from, to);
        Update(from, boundary, _constants.Keep);
        Update(boundary, to, 1.0f);
    }

    private void Update(long from, long to, float keepFactor)
    {
        AdamWConstants k = _constants;
        V factor = V.Create(k.GradientFactor), beta1 = V.Create(k.Beta1), beta2 = V.Create(k.Beta2);
        V rest1 = V.Create(1 - k.Beta1), rest2 = V.Create(1 - k.Beta2), keep = V.Create(keepFactor);
        V rate = V.Create(k.Rate), root = V.Create(k.RootCorrection), epsilon = V.Create(k.Epsilon);
        long i = from;
        for (; i + V.Count <= to; i += V.Count)
        {
            V g = V.Load(gradients + i) * factor;
            V m = V.MultiplyAdd(beta1, V.Load(firstMoment + i), rest1 * g);
            V v = V.MultiplyAdd(beta2, V.Load(secondMoment + i), rest2 * g * g);
            m.Store(firstMoment + i);
            v.Store(secondMoment + i);
            V update = rate * m / V.MultiplyAdd(V.Sqrt(v), root, epsilon);
            V parameter = (V.Load(parameters + i) * keep) - update;
            parameter.Store(parameters + i);
            if (computeCopy != null)
                parameter.Store(computeCopy + i);
        }

        for (; i < to; i++)
        {
            float g = gradients[i] * k.GradientFactor;
            float m = (k.Beta1 * firstMoment[i]) + ((1 - k.Beta1) * g);
            float v = (k.Beta2 * secondMoment[i]) + ((1 - k.Beta2) * g * g);
            firstMoment[i] = m;
            secondMoment[i] = v;
            parameters[i] = (parameters[i] * keepFactor) - (k.Rate * m / ((MathF.Sqrt(v) * k.RootCorrection) + k.Epsilon));
            if (computeCopy != null)
                computeCopy[i] = parameters[i];
        }
    }
}
