namespace GptEngine.Kernels.Attention;

/// <summary>The passes of attention, whose kernels are chosen apart.</summary>
public enum AttentionDirection
{
    Forward,
    Backward,
}
