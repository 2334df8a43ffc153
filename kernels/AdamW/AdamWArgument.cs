using System;
using System.Runtime.InteropServices;
using GptEngine.Kernels.Common;

namespace GptEngine.Kernels.AdamW;

/// <summary>AdamW's constants as the kernel takes them: the structure of <c>adamw.cu</c>.</summary>
[StructLayout(LayoutKind.Sequential)]
internal readonly struct AdamWArgument(in AdamWOptions options)
{
    private readonly float _beta1 = options.Beta1;
    private readonly float _beta2 = options.Beta2;
    private readonly float _oneMinusBeta1 = 1 - options.Beta1;
    private readonly float _oneMinusBeta2 = 1 - options.Beta2;
    private readonly float _logBeta1 = (float)Math.Log(options.Beta1);
    private readonly float _logBeta2 = (float)Math.Log(options.Beta2);
    private readonly float _epsilon = options.Epsilon;
    private readonly float _weightDecay = options.WeightDecay;
}
