using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace GptEngine.Runtime.Cpu.Gemm;

/// <summary>Lines that lie beside each other, element k of all lines contiguous: A transposed (gradYᵀ), or B as it is. Packing copies.</summary>
public readonly unsafe struct ColumnMajorLines(float* data, long leadingDimension) : IPanelSource
{
    private readonly float* _data = data;
    private readonly long _stride = leadingDimension;

    public void Pack(int firstLine, int lines, int panelWidth, int firstK, int depth, bool firstPass, float* panel)
    {
        float* source = _data + firstK * _stride + firstLine;
        if (lines < panelWidth)
            CopyNarrow(source, _stride, lines, depth, panel, panelWidth);
        else if (panelWidth % 16 == 0 && Vector512.IsHardwareAccelerated)
            CopyBy16(source, _stride, depth, panel, panelWidth);
        else
            CopyBy4(source, _stride, depth, panel, panelWidth);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void CopyBy16(float* source, long stride, int depth, float* panel, int width)
    {
        for (int k = 0; k < depth; k++, source += stride, panel += width)
        {
            for (int i = 0; i < width; i += 16)
                Vector512.Load(source + i).Store(panel + i);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void CopyBy4(float* source, long stride, int depth, float* panel, int width)
    {
        for (int k = 0; k < depth; k++, source += stride, panel += width)
        {
            int i = 0;
            for (; i + 4 <= width; i += 4)
                Vector128.Load(source + i).Store(panel + i);
            for (; i < width; i++)
                panel[i] = source[i];
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void CopyNarrow(float* source, long stride, int lines, int depth, float* panel, int width)
    {
        for (int k = 0; k < depth; k++, source += stride, panel += width)
        {
            int i = 0;
            for (; i + 4 <= lines; i += 4)
                Vector128.Load(source + i).Store(panel + i);
            for (; i < lines; i++)
                panel[i] = source[i];
            for (; i < width; i++)
                panel[i] = 0;
        }
    }
}
