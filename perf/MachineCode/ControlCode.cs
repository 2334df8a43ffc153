namespace GptEngine.Perf.MachineCode;

/// <summary>
/// What the assembler told the scheduler with an instruction. From Volta to Hopper it is bits 105 to 121 of the 128: stall count 4, yield 1,
/// write barrier 3, read barrier 3, wait mask 6. Source: Jia et al. 2018, "Dissecting the NVIDIA Volta GPU architecture via
/// microbenchmarking", section 2.1.
/// </summary>
/// <param name="Stall">Cycles until the warp may issue its next instruction: how long fixed latencies are waited for.</param>
/// <param name="WriteBarrier">Of the six barriers the one that is up until the result is there; <see cref="None"/> for none.</param>
/// <param name="ReadBarrier">The one that is up until the operands are read.</param>
/// <param name="WaitMask">The barriers that must be down before this may issue.</param>
internal readonly record struct ControlCode(int Stall, int WriteBarrier, int ReadBarrier, int WaitMask)
{
    /// <summary>The barrier field of an instruction that sets none.</summary>
    public const int None = 7;

    /// <summary>Barriers of a warp.</summary>
    public const int Barriers = 6;

    private const int FirstBit = 105 - 64;

    /// <param name="upper">The upper 64 bits of an instruction.</param>
    public static ControlCode FromUpperHalf(ulong upper)
    {
        int bits = (int)(upper >> FirstBit);
        return new ControlCode(bits & 15, (bits >> 5) & 7, (bits >> 8) & 7, (bits >> 11) & 63);
    }
}
