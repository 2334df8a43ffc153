using System.Globalization;
using System.Linq;
using System.Text;

namespace GptEngine.Runtime.Simulator.Conformance;

/// <summary>
/// Writes the PTX kernel that tries a form of wgmma: a block of one warpgroup, shared memory filled with what it is given, sums that start
/// as 1, 2, 3 … in each thread's registers, and one product.
/// </summary>
public static class ProductKernel
{
    public const string KernelName = "product_case";

    /// <summary>Threads of its block.</summary>
    public const int Threads = 128;

    /// <summary>Source; a module for sm_90a.</summary>
    public static string Write(ProductCase product)
    {
        int sums = product.N / 2;
        var text = new StringBuilder();
        text.Append(
            CultureInfo.InvariantCulture,
            $$"""
            .version 8.0
            .target sm_90a
            .address_size 64
            .extern .shared .align 1024 .b8 tile[];
            .visible .entry {{KernelName}}(.param .u64 p_image, .param .u64 p_left, .param .u64 p_sums, .param .u64 p_a, .param .u64 p_b)
            {
              .reg .pred %p, %adds; .reg .b32 %i<8>; .reg .b64 %at<16>; .reg .b32 %v<4>; .reg .b32 %a<4>; .reg .f32 %d<{{sums}}>;
              ld.param.u64 %at0, [p_image]; ld.param.u64 %at1, [p_left]; ld.param.u64 %at2, [p_sums]; ld.param.u64 %at3, [p_a]; ld.param.u64 %at4, [p_b];
              mov.u32 %i0, %tid.x; mov.u32 %i1, tile; shl.b32 %i2, %i0, 4;
            FILL:
              cvt.u64.u32 %at5, %i2; add.u64 %at6, %at0, %at5; ld.global.v4.b32 {%v0, %v1, %v2, %v3}, [%at6];
              add.u32 %i3, %i1, %i2; st.shared.v4.b32 [%i3], {%v0, %v1, %v2, %v3};
              add.u32 %i2, %i2, {{16 * Threads}}; setp.lt.u32 %p, %i2, {{ProductCase.SharedBytes}}; @%p bra FILL;
              fence.proxy.async; bar.sync 0;
              mul.wide.u32 %at7, %i0, 16; add.u64 %at8, %at1, %at7; ld.global.v4.b32 {%a0, %a1, %a2, %a3}, [%at8];
              shr.u32 %i4, %i1, 4; cvt.u64.u32 %at9, %i4; add.u64 %at10, %at3, %at9; add.u64 %at11, %at4, %at9;
              setp.eq.u32 %adds, {{(product.Signs & 4) / 4}}, 0;

            """);
        for (int i = 0; i < sums; i++)
        {
            text.Append(CultureInfo.InvariantCulture, $"  mov.u32 %i5, {i + 1}; cvt.rn.f32.u32 %d{i}, %i5;\n");
        }

        string left = product.Left is null ? "{%a0, %a1, %a2, %a3}" : "%at10";
        string transposes = product.Type == "tf32" ? "" : (product.Left is null ? "" : $", {(product.Left.IsDown ? 1 : 0)}") + $", {(product.Right.IsDown ? 1 : 0)}";
        text.Append("  wgmma.fence.sync.aligned;\n");
        text.Append(CultureInfo.InvariantCulture, $"  wgmma.mma_async.sync.aligned.m64n{product.N}k{product.Depth}.f32.{product.Type}.{product.Type} {{");
        text.AppendJoin(", ", Enumerable.Range(0, sums).Select(i => $"%d{i}"));
        text.Append(CultureInfo.InvariantCulture, $"}}, {left}, %at11, %adds, {((product.Signs & 1) != 0 ? -1 : 1)}, {((product.Signs & 2) != 0 ? -1 : 1)}{transposes};\n");
        text.Append("  wgmma.commit_group.sync.aligned;\n  wgmma.wait_group.sync.aligned 0;\n");
        text.Append(CultureInfo.InvariantCulture, $"  mul.wide.u32 %at12, %i0, {4 * sums}; add.u64 %at13, %at2, %at12;\n");
        for (int i = 0; i < sums; i++)
        {
            text.Append(CultureInfo.InvariantCulture, $"  st.global.f32 [%at13+{4 * i}], %d{i};\n");
        }

        return text.Append("  ret;\n}\n").ToString();
    }
}
