using System.Globalization;
using System.Linq;
using System.Text;

namespace GptEngine.Tests.Simulator;

/// <summary>One form of wgmma.mma_async: its CUDA source, and where its operands lie, by the canonical layouts of the PTX ISA as they are written.</summary>
internal sealed record WarpgroupCase(string Type, int N, bool LeftShared, bool LeftDown, bool RightDown, int Signs = 0)
{
    /// <summary>The names of the descriptors' swizzles, by how many chunks change places.</summary>
    internal static readonly int[] Widths = [1, 2, 4, 8];

    internal int Bytes => Type == "tf32" ? 4 : 2;

    internal int Depth => 32 / Bytes;

    internal string Name => string.Create(
        CultureInfo.InvariantCulture, $"product_{Type}_{N}_{(LeftShared ? "shared" : "registers")}_{(LeftDown ? 1 : 0)}{(RightDown ? 1 : 0)}{Signs}");

    /// <summary>A block of one warpgroup: shared memory as it is given, operands and sums as lanes have them, one product, the sums.</summary>
    internal string Source()
    {
        int sums = N / 2;
        string outputs = string.Join(", ", Enumerable.Range(0, sums).Select(i => $"%{i}"));
        int next = sums;
        string left = LeftShared ? $"%{next++}" : $"{{%{next++}, %{next++}, %{next++}, %{next++}}}";
        string right = $"%{next++}";
        string signs = $"{((Signs & 1) != 0 ? -1 : 1)}, {((Signs & 2) != 0 ? -1 : 1)}";
        string transposes = Type == "tf32" ? "" : LeftShared ? $", {(LeftDown ? 1 : 0)}, {(RightDown ? 1 : 0)}" : $", {(RightDown ? 1 : 0)}";
        var text = new StringBuilder();
        text.Append(CultureInfo.InvariantCulture, $$"""
            extern "C" __global__ void __launch_bounds__(128) {{Name}}(
                const uint4* image, int chunks, const unsigned* left, unsigned long long da, unsigned long long db, const float* before, float* after, int adds) {
                extern __shared__ __align__(1024) unsigned char tile[];
                for (int i = threadIdx.x; i < chunks; i += 128) reinterpret_cast<uint4*>(tile)[i] = image[i];
                asm volatile("fence.proxy.async.shared::cta;" ::: "memory");
                __syncthreads();
                float d[{{sums}}];
                {{(LeftShared ? "" : "unsigned a[4]; for (int i = 0; i < 4; ++i) a[i] = left[threadIdx.x * 4 + i];")}}
                for (int i = 0; i < {{sums}}; ++i) d[i] = before[threadIdx.x * {{sums}} + i];
                asm volatile("wgmma.fence.sync.aligned;" ::: "memory");
                asm volatile("{ .reg .pred p; setp.ne.b32 p, %{{next}}, 0; wgmma.mma_async.sync.aligned.m64n{{N}}k{{Depth}}.f32.{{Type}}.{{Type}} "
                    "{ {{outputs}} }, {{left}}, {{right}}, p, {{signs}}{{transposes}}; }" :
            """);
        text.AppendJoin(", ", Enumerable.Range(0, sums).Select(i => $"\"+f\"(d[{i}])"));
        text.Append(LeftShared ? " : \"l\"(da)" : " : \"r\"(a[0]), \"r\"(a[1]), \"r\"(a[2]), \"r\"(a[3])");
        text.Append(CultureInfo.InvariantCulture, $$"""
            , "l"(db), "r"(adds) : "memory");
                asm volatile("wgmma.commit_group.sync.aligned;" ::: "memory");
                asm volatile("wgmma.wait_group.sync.aligned 0;" ::: "memory");
                for (int i = 0; i < {{sums}}; ++i) { asm volatile("" : "+f"(d[i]) :: "memory"); after[threadIdx.x * {{sums}} + i] = d[i]; }
            }

            """);
        return text.ToString();
    }
}
