using System.Runtime.InteropServices;
using GptEngine.Kernels.Common;

namespace GptEngine.Kernels.Attention;

/// <summary>An <see cref="AttentionShape"/> as the kernels take it: <c>AttentionShape</c> of <c>attention_head.cuh</c>.</summary>
[StructLayout(LayoutKind.Sequential)]
internal readonly struct AttentionShapeArgument(in AttentionShape shape)
{
    private readonly int _batch = shape.Batch;
    private readonly int _time = shape.Time;
    private readonly int _heads = shape.Heads;
    private readonly float _scale = shape.Scale;
}
