using System;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace GptEngine.Runtime.Cpu.Gemm;

/// <summary>Lines that are contiguous in memory: A as it is, or B transposed (a weight matrix W[out, in] in X·Wᵀ). Packing transposes.</summary>
public readonly unsafe struct RowMajorLines(float* data, long leadingDimension) : IPanelSource
{
    private readonly float* _data = data;
    private readonly long _stride = leadingDimension;

    public void Pack(int firstLine, int lines, int panelWidth, int firstK, int depth, bool firstPass, float* panel)
    {
        float* source = _data + firstLine * _stride + firstK;
        int line = 0;
        if (Avx512F.IsSupported && panelWidth >= 12)
        {
            for (; line < panelWidth && line < lines; line += 16)
                Transpose16.Pack(source + line * _stride, _stride, Math.Min(16, lines - line), depth, panel + line, panelWidth);
            line = Math.Min(line, panelWidth);
        }
        for (; line + 4 <= lines; line += 4)
            PackFour(source + line * _stride, _stride, depth, panel + line, panelWidth);
        for (; line < lines; line++)
        {
            float* from = source + line * _stride;
            for (int k = 0; k < depth; k++)
                panel[(long)k * panelWidth + line] = from[k];
        }
        for (; line < panelWidth; line++)
        {
            // Columns of padding.
            for (int k = 0; k < depth; k++)
                panel[(long)k * panelWidth + line] = 0;
        }
    }

    // Four lines at a time through 4×4 transposes.
    private static void PackFour(float* source, long stride, int depth, float* panel, int panelWidth)
    {
        float* s0 = source, s1 = source + stride, s2 = source + 2 * stride, s3 = source + 3 * stride;
        int k = 0;
        for (; k + 4 <= depth; k += 4, panel += 4 * panelWidth)
        {
            Vector128<float> a = Vector128.Load(s0 + k), b = Vector128.Load(s1 + k), c = Vector128.Load(s2 + k), d = Vector128.Load(s3 + k);
            Vector128<float> ab0 = InterleaveLow(a, b), ab1 = InterleaveHigh(a, b), cd0 = InterleaveLow(c, d), cd1 = InterleaveHigh(c, d);
            Vector128.Create(ab0.GetLower(), cd0.GetLower()).Store(panel);
            Vector128.Create(ab0.GetUpper(), cd0.GetUpper()).Store(panel + panelWidth);
            Vector128.Create(ab1.GetLower(), cd1.GetLower()).Store(panel + 2 * panelWidth);
            Vector128.Create(ab1.GetUpper(), cd1.GetUpper()).Store(panel + 3 * panelWidth);
        }
        for (; k < depth; k++, panel += panelWidth)
        {
            panel[0] = s0[k];
            panel[1] = s1[k];
            panel[2] = s2[k];
            panel[3] = s3[k];
        }
    }

    // (x0, y0, x1, y1) and (x2, y2, x3, y3)
    private static Vector128<float> InterleaveLow(Vector128<float> x, Vector128<float> y) =>
        System.Runtime.Intrinsics.X86.Sse.IsSupported
            ? System.Runtime.Intrinsics.X86.Sse.UnpackLow(x, y)
            : System.Runtime.Intrinsics.Arm.AdvSimd.Arm64.IsSupported
                ? System.Runtime.Intrinsics.Arm.AdvSimd.Arm64.ZipLow(x, y)
                : Vector128.Create(x[0], y[0], x[1], y[1]);

    private static Vector128<float> InterleaveHigh(Vector128<float> x, Vector128<float> y) =>
        System.Runtime.Intrinsics.X86.Sse.IsSupported
            ? System.Runtime.Intrinsics.X86.Sse.UnpackHigh(x, y)
            : System.Runtime.Intrinsics.Arm.AdvSimd.Arm64.IsSupported
                ? System.Runtime.Intrinsics.Arm.AdvSimd.Arm64.ZipHigh(x, y)
                : Vector128.Create(x[2], y[2], x[3], y[3]);
}
