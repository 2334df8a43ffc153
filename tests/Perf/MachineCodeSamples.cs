using System.Collections.Immutable;
using System.IO;
using System.IO.Compression;
using GptEngine.Perf.MachineCode;
using NUnit.Framework;

namespace GptEngine.Tests.Perf;

/// <summary>
/// Machine code of our own kernels as nvdisasm 12.4 printed it (-c -hex, of NVRTC 12.4's image with one kernel in it), runs of blanks made
/// one: the tests need no disassembler. They are samples of how machine code looks, and need not follow the kernels.
/// </summary>
internal static class MachineCodeSamples
{
    /// <summary><c>layer_norm_backward_reduce</c>, sm_80.</summary>
    public static string Reduce => File.ReadAllText(PathOf("layer_norm_backward_reduce.sm80.sass"));

    /// <summary><c>attention_forward_mma&lt;Half, 64, 2, 1&gt;</c>, sm_70: two tiles of 16 queries a warp, 32 keys a step.</summary>
    public static string Attention => Unpacked("attention_forward_mma.sm70.sass.gz");

    /// <summary><c>attention_forward_mma&lt;BFloat16, 64, 2, 2&gt;</c>, sm_80: the same, with values a step behind their scores.</summary>
    public static string AttentionBehind => Unpacked("attention_forward_mma.sm80.sass.gz");

    /// <summary><c>attention_backward_short_mma&lt;BFloat16, 64, 2, 2, 2&gt;</c>, sm_80: both passes in one launch, 128 rows a block.</summary>
    public static string AttentionShort => Unpacked("attention_backward_short_mma.sm80.sass.gz");

    /// <summary><c>attention_backward_whole_mma&lt;BFloat16, 64, 2, 8&gt;</c>, sm_80: a head of 256 a block.</summary>
    public static string AttentionWhole => Unpacked("attention_backward_whole_mma.sm80.sass.gz");

    /// <summary><c>attention_backward_keys_pairs_mma&lt;BFloat16, 128&gt;</c>, sm_80: two warps share 32 keys, 64 queries a step.</summary>
    public static string AttentionPairs => Unpacked("attention_backward_keys_pairs_mma.sm80.sass.gz");

    /// <summary><c>attention_forward_warpgroup&lt;BFloat16, 64, 2, 2&gt;</c>, sm_90a: two warpgroups of 64 queries a block, 64 keys a step.</summary>
    public static string AttentionWarpgroup => Unpacked("attention_forward_warpgroup.sm90a.sass.gz");

    /// <summary>Instructions without operands: opcode, stall count, write barrier, wait mask.</summary>
    public static ImmutableArray<MachineInstruction> Code(params (string Opcode, int Stall, int Write, int Wait)[] lines)
    {
        var code = ImmutableArray.CreateBuilder<MachineInstruction>();
        foreach ((string opcode, int stall, int write, int wait) in lines)
        {
            code.Add(new MachineInstruction(16 * code.Count, "", opcode, "", new ControlCode(stall, write, ControlCode.None, wait), -1));
        }

        return code.ToImmutable();
    }

    private static string Unpacked(string name)
    {
        using var file = new GZipStream(File.OpenRead(PathOf(name)), CompressionMode.Decompress);
        using var reader = new StreamReader(file);
        return reader.ReadToEnd();
    }

    private static string PathOf(string name) => Path.Combine(TestContext.CurrentContext.TestDirectory, "Golden", "machine_code", name);
}
