using System.Runtime.Intrinsics;

namespace GptEngine.Runtime.Cpu.Gemm;

/// <summary>
/// <see cref="ColumnMajorLines"/> whose line sums are added to <paramref name="sums"/> while they are packed: as operand A = gradYᵀ of
/// gradW += gradYᵀ·X it yields gradB += column sums of gradY, without another pass over gradY. The order of the sums depends on K alone.
/// </summary>
/// <param name="data">gradY (tokens, outputs).</param>
/// <param name="leadingDimension">Elements between its rows.</param>
/// <param name="sums">(outputs), accumulated.</param>
public readonly unsafe struct SummedLines(float* data, long leadingDimension, float* sums) : IPanelSource
{
    private readonly ColumnMajorLines _lines = new(data, leadingDimension);
    private readonly float* _sums = sums;

    public void Pack(int firstLine, int lines, int panelWidth, int firstK, int depth, bool firstPass, float* panel)
    {
        _lines.Pack(firstLine, lines, panelWidth, firstK, depth, firstPass, panel);
        if (!firstPass)
            return;
        int i = 0;
        for (; i + 4 <= lines; i += 4)
        {
            Vector128<float> sum = default;
            for (int k = 0; k < depth; k++)
                sum += Vector128.Load(panel + (long)k * panelWidth + i);
            (Vector128.Load(_sums + firstLine + i) + sum).Store(_sums + firstLine + i);
        }
        for (; i < lines; i++)
        {
            float sum = 0;
            for (int k = 0; k < depth; k++)
                sum += panel[(long)k * panelWidth + i];
            _sums[firstLine + i] += sum;
        }
    }
}
