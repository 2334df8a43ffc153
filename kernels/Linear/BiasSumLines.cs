using GptEngine.Kernels.Common.Cpu;
using GptEngine.Runtime.Cpu.Gemm;

namespace GptEngine.Kernels.Linear;

/// <summary>gradYᵀ as the product's left operand, with the bias's gradient, the sum of each line, taken on the way. A line's blocks of K
/// are packed in order by one worker, so that its sum has a fixed order.</summary>
internal readonly unsafe struct BiasSumLines<V>(float* gradY, long outputs, float* gradBias, bool accumulate) : IPanelSource
    where V : unmanaged, ISimd<V>
{
    private readonly ColumnMajorLines _lines = new(gradY, outputs);

    public void Pack(int firstLine, int lines, int panelWidth, int firstK, int depth, bool firstPass, float* panel)
    {
        _lines.Pack(firstLine, lines, panelWidth, firstK, depth, firstPass, panel);
        if (!firstPass)
            return;
        bool add = accumulate || firstK > 0;
        for (int i = 0; i < lines; i++)
        {
            float total = 0;
            for (int k = 0; k < depth; k++)
                total += panel[((long)k * panelWidth) + i];
            gradBias[firstLine + i] = add ? gradBias[firstLine + i] + total : total;
        }
    }
}
