namespace GptEngine.Runtime.Cpu.Gemm;

/// <summary>Lines that lie beside each other, element k of all lines contiguous: A transposed (gradYᵀ), or B as it is. Packing copies.</summary>
public readonly unsafe struct ColumnMajorLines(float* data, long leadingDimension) : IPanelSource
{
    private readonly float* _data = data;
    private readonly long _stride = leadingDimension;

    public void Pack(int firstLine, int lines, int panelWidth, int firstK, int depth, bool firstPass, float* panel)
    {
        float* source = _data + firstK * _stride + firstLine;
        for (int k = 0; k < depth; k++, source += _stride, panel += panelWidth)
        {
            for (int i = 0; i < lines; i++)
                panel[i] = source[i];
            for (int i = lines; i < panelWidth; i++)
                panel[i] = 0;
        }
    }
}
