using System;
using System.Globalization;
using GptEngine.Runtime;

namespace GptEngine.Perf.MachineCode;

/// <summary>
/// What an instruction costs on an architecture. Rates are the data sheets' and the CUDA C++ Programming Guide's table "Throughput of Native
/// Arithmetic Instructions" over four schedulers. Latencies that the assembler counts out in stalls need no table. Of the others, memory is
/// from Jia et al. 2018 (V100) and Luo et al. 2024, "Benchmarking and dissecting the Nvidia Hopper GPU architecture" (A100, H100); those of
/// special functions, shuffles and special registers, some 20 cycles, are estimates.
/// </summary>
internal sealed record MachineModel
{
    /// <summary>Multiply-adds a cycle of a scheduler's tensor cores.</summary>
    public required double TensorRate { get; init; }

    /// <summary>The same of a warpgroup's products, which Hopper alone has.</summary>
    public double WarpgroupRate { get; init; }

    /// <summary>Cycles that a warp's single-precision instruction holds its unit.</summary>
    public required double FloatCycles { get; init; }

    /// <summary>From shared memory to registers, nothing else under way.</summary>
    public required int SharedLatency { get; init; }

    /// <summary>From the second cache.</summary>
    public required int CacheLatency { get; init; }

    /// <summary>From device memory.</summary>
    public required int MemoryLatency { get; init; }

    /// <summary>Cycles of a second, as the data sheet's peak assumes.</summary>
    public required double Clock { get; init; }

    /// <summary>A multiprocessor's share of what the second cache hands out, bytes a cycle.</summary>
    public const double CacheBytes = 32;

    /// <summary>Bytes of shared memory a cycle.</summary>
    public const double SharedBytes = 128;

    private const double IntegerCycles = 2;
    private const double SpecialCycles = 8;
    private const int SpecialLatency = 20;

    /// <summary>
    /// From HMMA.884's fourth step to what depends on its barrier: chained products start every 10 cycles, 6 of which pass between the
    /// steps. Source: Raihan et al. 2019, "Modeling deep learning accelerator enabled GPUs", figure 10; the machine code of a chain of
    /// wmma.mma has the same barriers.
    /// </summary>
    private const int VoltaTensorLatency = 4;

    /// <summary>
    /// From the end of a warpgroup's product on the tensor cores to its sums in registers: the least latency of one, that of 8 columns, in
    /// Luo et al. 2024, table on wgmma.
    /// </summary>
    private const int WarpgroupLatency = 18;

    private const int WarpgroupStep = 16;

    private static readonly MachineModel Volta = new()
    {
        TensorRate = 128,
        FloatCycles = 2,
        SharedLatency = 19,
        CacheLatency = 193,
        MemoryLatency = 400,
        Clock = 1.53e9,
    };

    private static readonly MachineModel Ampere = new()
    {
        TensorRate = 256,
        FloatCycles = 2,
        SharedLatency = 29,
        CacheLatency = 262,
        MemoryLatency = 466,
        Clock = 1.41e9,
    };

    /// <summary>mma.sync reaches about 0.63 of the rate that wgmma does, which the data sheet's is.</summary>
    private static readonly MachineModel Hopper = new()
    {
        TensorRate = 512 * 0.63,
        WarpgroupRate = 512,
        FloatCycles = 1,
        SharedLatency = 29,
        CacheLatency = 263,
        MemoryLatency = 479,
        Clock = 1.83e9,
    };

    /// <exception cref="UserErrorException">There are no figures for it.</exception>
    public static MachineModel Of(int architecture) => architecture switch
    {
        70 => Volta,
        80 => Ampere,
        90 => Hopper,
        _ => throw new UserErrorException($"There are no latencies for sm_{architecture}. Choose sm_70, sm_80 or sm_90.", ExitCode.Usage),
    };

    public static Pipe PipeOf(MachineInstruction instruction) => instruction.Name switch
    {
        "HMMA" or "HGMMA" or "IMMA" or "DMMA" => Pipe.Tensor,
        "FFMA" or "FADD" or "FMUL" or "IMAD" => Pipe.MultiplyAdd,
        "HADD2" or "HFMA2" or "HMUL2" or "HSETP2" or "F2FP" => Pipe.Half,
        "MUFU" or "F2F" or "F2I" or "I2F" or "FRND" or "S2R" or "POPC" or "FLO" or "BREV" => Pipe.Special,
        "LDS" or "STS" or "LDSM" or "SHFL" or "ATOMS" or "SYNCS" => Pipe.Shared,
        "LDG" or "STG" or "LDGSTS" or "LDL" or "STL" or "RED" or "ATOMG" or "LD" or "ST" => Pipe.Global,
        "BRA" or "BSSY" or "BSYNC" or "BMOV" or "BAR" or "EXIT" or "NOP" or "WARPSYNC" or "DEPBAR" or "LDGDEPBAR" or "WARPGROUP"
            or "MEMBAR" or "FENCE" or "ULDC" => Pipe.Control,
        string name => name[0] == 'U' ? Pipe.Control : Pipe.Integer,
    };

    /// <summary>Whether it is a part of a warpgroup's product, which runs beside the warp.</summary>
    public static bool IsOfWarpgroup(MachineInstruction instruction) => instruction.Name == "HGMMA";

    /// <summary>Multiply-adds of a tensor instruction of a warp; HMMA.884 is one of four steps of mma.m8n8k4, HGMMA four warps' with 16 rows each.</summary>
    public static double MultiplyAdds(MachineInstruction instruction) =>
        IsOfWarpgroup(instruction) ? 16 * Columns(instruction) * WarpgroupStep
        : instruction.Has("884") ? 256 : instruction.Has("16816") ? 2048 : instruction.Has("1688") ? 1024 : 0;

    /// <summary>
    /// Bytes that a warpgroup's product reads from shared memory, a warp's part: the right side, once for all four, and rows where they are not
    /// in registers.
    /// </summary>
    public static double OperandBytes(MachineInstruction instruction)
    {
        bool hasRows = instruction.Operands.Split(',')[1].Contains("gdesc", StringComparison.Ordinal);
        return sizeof(ushort) * WarpgroupStep * ((Columns(instruction) / 4) + (hasRows ? 16 : 0));
    }

    private static double Columns(MachineInstruction instruction) =>
        int.Parse(instruction.Opcode.Split('x')[1], CultureInfo.InvariantCulture);

    /// <summary>Bytes that a warp's instruction moves between registers and shared or global memory.</summary>
    public static double WarpBytes(MachineInstruction instruction) => instruction.Name switch
    {
        "LDSM" => instruction.Opcode.EndsWith(".4", StringComparison.Ordinal) ? 512 : instruction.Opcode.EndsWith(".2", StringComparison.Ordinal) ? 256 : 128,
        "SHFL" => 128,
        "SYNCS" => 8,
        _ => 32 * instruction.Bytes,
    };

    /// <summary>
    /// Cycles that an instruction holds its unit: the scheduler's own, or the multiprocessor's one shared memory. Neither conflicts nor
    /// lanes that read the same are known here; the simulated GPU counts both.
    /// </summary>
    public double Cycles(MachineInstruction instruction) => PipeOf(instruction) switch
    {
        Pipe.Tensor => MultiplyAdds(instruction) / (IsOfWarpgroup(instruction) ? WarpgroupRate : TensorRate),
        Pipe.MultiplyAdd => instruction.Name == "IMAD" ? IntegerCycles : FloatCycles,
        Pipe.Special => SpecialCycles,
        Pipe.Shared or Pipe.Global => Math.Max(1, WarpBytes(instruction) / SharedBytes),
        Pipe.Control => 0,
        _ => IntegerCycles,
    };

    /// <summary>From issue, or from the end of its turn in shared memory, to its barrier.</summary>
    /// <param name="instruction">What sets the barrier.</param>
    /// <param name="fromMemory">Whether a global load goes on to device memory.</param>
    public double Latency(MachineInstruction instruction, bool fromMemory) => PipeOf(instruction) switch
    {
        Pipe.Tensor => IsOfWarpgroup(instruction) ? WarpgroupLatency : VoltaTensorLatency,
        Pipe.Shared => SharedLatency,
        Pipe.Global => fromMemory ? MemoryLatency : CacheLatency,
        _ => SpecialLatency,
    };
}
