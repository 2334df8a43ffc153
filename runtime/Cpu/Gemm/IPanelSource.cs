namespace GptEngine.Runtime.Cpu.Gemm;

/// <summary>
/// An operand of the product as the packers read it: lines (rows of op(A), or columns of op(B)) of K elements each. The plain ones are
/// <see cref="RowMajorLines"/> and <see cref="ColumnMajorLines"/>; others may convert or compute the elements while packing.
/// Implement it on a struct; it is copied to every worker and called from all of them.
/// </summary>
public unsafe interface IPanelSource
{
    /// <summary>
    /// Writes panel[k·panelWidth + i] = element (firstLine + i, firstK + k) for k &lt; depth and i &lt; lines, and 0 for
    /// lines ≤ i &lt; panelWidth. Up to 15 elements past the panel's end may be overwritten with anything: panels are packed in ascending
    /// order, and there is slack after the last.
    /// </summary>
    /// <param name="firstLine">First line of the panel.</param>
    /// <param name="lines">Lines that exist, 1 … panelWidth.</param>
    /// <param name="panelWidth">Width of the panel, a number fixed by the instruction set.</param>
    /// <param name="firstK">First element of the lines.</param>
    /// <param name="depth">Elements a line.</param>
    /// <param name="firstPass">True for exactly one packing of each element, where the product packs an element more than once: sums
    /// over the operand that ride along belong in this pass.</param>
    /// <param name="panel">Destination, 64-byte aligned at the first line of a block.</param>
    void Pack(int firstLine, int lines, int panelWidth, int firstK, int depth, bool firstPass, float* panel);
}
