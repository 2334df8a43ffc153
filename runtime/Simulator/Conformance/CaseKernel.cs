using System.Globalization;
using System.Text;

namespace GptEngine.Runtime.Simulator.Conformance;

/// <summary>Writes the PTX kernel that tries an instruction: a thread an input, operands eight bytes apart.</summary>
public static class CaseKernel
{
    public const string KernelName = "instruction_case";

    /// <summary>Source for an architecture: 70, 75, 80 or 90.</summary>
    public static string Write(InstructionCase instruction, int architecture)
    {
        (int d, int a, int b, int c) = instruction.Sizes;
        var text = new StringBuilder();
        text.Append(CultureInfo.InvariantCulture, $".version {(architecture >= 90 ? "7.8" : "7.0")}\n.target sm_{architecture}\n.address_size 64\n");
        text.Append(CultureInfo.InvariantCulture, $".visible .entry {KernelName}(.param .u64 p_d, .param .u64 p_a, .param .u64 p_b, .param .u64 p_c, .param .u32 p_n)\n{{\n");
        text.Append(CultureInfo.InvariantCulture, $"  .reg .b{8 * d} %d; .reg .b{8 * a} %a; .reg .b{8 * b} %b; .reg .b{8 * c} %c;\n");
        text.Append("  .reg .pred %p, %q, %end; .reg .b32 %t<4>; .reg .b32 %i<5>; .reg .b64 %at<10>;\n");
        text.Append("  mov.u32 %i0, %ctaid.x; mov.u32 %i1, %ntid.x; mov.u32 %i2, %tid.x; mad.lo.u32 %i3, %i0, %i1, %i2;\n");
        text.Append("  ld.param.u32 %i4, [p_n]; setp.ge.u32 %end, %i3, %i4; @%end bra DONE;\n  mul.wide.u32 %at0, %i3, 8;\n");
        Load(text, "a", a, 1);
        Load(text, "b", b, 2);
        Load(text, "c", c, 3);
        text.Append(CultureInfo.InvariantCulture, $"  {instruction.Body}\n");
        text.Append("  ld.param.u64 %at7, [p_d]; add.u64 %at8, %at7, %at0;\n");
        text.Append(CultureInfo.InvariantCulture, $"  st.global.b{8 * d} [%at8], %d;\nDONE:\n  ret;\n}}\n");
        return text.ToString();
    }

    private static void Load(StringBuilder text, string name, int size, int register) => text.Append(
        CultureInfo.InvariantCulture,
        $"  ld.param.u64 %at{register}, [p_{name}]; add.u64 %at{register + 3}, %at{register}, %at0; ld.global.b{8 * size} %{name}, [%at{register + 3}];\n");
}
