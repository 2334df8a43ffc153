namespace GptEngine.Perf.Gemm;

/// <summary>One product of the benchmark: C (m, n) (+)= op(A)·op(B) of depth k, dense.</summary>
internal readonly record struct GemmShape(string Name, int M, int N, int K, bool TransposeA, bool TransposeB, bool Accumulate)
{
    public int Lda => TransposeA ? M : K;

    public int Ldb => TransposeB ? K : N;

    public double Flops => 2.0 * M * N * K;

    public static GemmShape Forward(string name, int tokens, int inputs, int outputs) =>
        new($"{name} forward", tokens, outputs, inputs, false, true, false);

    public static GemmShape GradX(string name, int tokens, int inputs, int outputs) =>
        new($"{name} gradX", tokens, inputs, outputs, false, false, false);

    public static GemmShape GradW(string name, int tokens, int inputs, int outputs) =>
        new($"{name} gradW", outputs, inputs, tokens, true, false, true);
}
