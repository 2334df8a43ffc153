using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace GptEngine.Runtime.Native.CublasLt;

/// <summary>cublasLtMatmulHeuristicResult_t.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct MatmulHeuristic
{
    public MatmulAlgorithm Algorithm;
    public nuint WorkspaceBytes;
    public int State;
    public float Waves;
    public Words Reserved;

    [InlineArray(4)]
    internal struct Words
    {
        private int _word;
    }
}
