using System;

namespace GptEngine.Kernels.Common;

/// <summary>One kernel as it is compiled and launched: a function of a source file, its template arguments filled in.</summary>
/// <param name="Source">The file, by folder and name: <c>LayerNorm/layer_norm.cu</c>.</param>
/// <param name="NameExpression">As NVRTC takes it: <c>layer_norm_forward&lt;Half, true&gt;</c>.</param>
/// <param name="BlockX">Threads along x.</param>
/// <param name="BlockY">Threads along y.</param>
/// <param name="DynamicSharedBytes">Shared memory asked for at launch.</param>
public sealed record KernelInstance(string Source, string NameExpression, int BlockX, int BlockY = 1, int DynamicSharedBytes = 0)
{
    private const int TuringArchitecture = 75;
    private const int TuringSharedBytes = 64 << 10;

    /// <summary>The first architecture that has the instructions it is written in: 80 for sm_80.</summary>
    public int FirstArchitecture { get; init; } = 70;

    /// <summary>The last architecture that it is of use on.</summary>
    public int LastArchitecture { get; init; } = int.MaxValue;

    /// <summary>The operation's folder, of <see cref="Source"/>: <c>LayerNorm</c>.</summary>
    public string Folder { get; } = Source[..Math.Max(0, Source.IndexOf('/', StringComparison.Ordinal))];

    /// <summary>Threads a block.</summary>
    public int Threads => BlockX * BlockY;

    /// <summary>Whether it is for an architecture: sm_75 alone gives a block no more than 64 KiB of shared memory.</summary>
    public bool IsFor(int architecture) => architecture >= FirstArchitecture && architecture <= LastArchitecture
        && (architecture != TuringArchitecture || DynamicSharedBytes <= TuringSharedBytes);

    public override string ToString() => NameExpression;
}
