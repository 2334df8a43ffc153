using System.Collections.Immutable;
using System.Linq;
using GptEngine.Perf.MachineCode;
using NUnit.Framework;

namespace GptEngine.Tests.Perf;

/// <summary>Loops whose time is known: from their stall counts, or from what others have measured.</summary>
public sealed class MultiprocessorSimulationTests
{
    private const int Count = 1000;

    [TestCase(80, 1, 24.0, TestName = "A100, a chain of mma.m16n8k16: what the assembler leaves between two")]
    [TestCase(80, 2, 12.0, TestName = "two chains beside each other")]
    [TestCase(80, 3, 8.0, TestName = "three: 256 multiply-adds a cycle")]
    public void TensorChains_AreStallsThenThroughput(int architecture, int warpsOfAScheduler, double expected) => Assert.That(
        CyclesOfEach(architecture, warpsOfAScheduler, MachineCodeSamples.Code(("HMMA.16816.F32", 24, 7, 0))), Is.EqualTo(expected).Within(0.05));

    [TestCase(1, 10.0, TestName = "V100: a product each 10 cycles in a chain, as Raihan et al. 2019 measured")]
    [TestCase(2, 8.0, TestName = "V100: two chains fill the tensor cores")]
    public void VoltaChain_IsTenCycles(int warpsOfAScheduler, double expected)
    {
        ImmutableArray<MachineInstruction> product = MachineCodeSamples.Code(
            ("HMMA.884.F32.F32.STEP0", 2, 7, 1 << 5), ("HMMA.884.F32.F32.STEP1", 2, 7, 0), ("HMMA.884.F32.F32.STEP2", 2, 7, 0), ("HMMA.884.F32.F32.STEP3", 2, 5, 0));

        Assert.That(CyclesOfEach(70, warpsOfAScheduler, product), Is.EqualTo(expected).Within(0.1));
    }

    [TestCase(70, "FFMA", 2.0)]
    [TestCase(90, "FFMA", 1.0)]
    [TestCase(90, "IMAD", 2.0)]
    [TestCase(80, "MUFU.EX2", 8.0)]
    [TestCase(70, "LDS.U.128", 16.0, TestName = "four schedulers share shared memory: 4 cycles each")]
    public void ManyWarps_ReachTheUnitsThroughput(int architecture, string opcode, double expected) =>
        Assert.That(CyclesOfEach(architecture, 8, MachineCodeSamples.Code((opcode, 1, 7, 0))), Is.EqualTo(expected).Within(0.05));

    [Test]
    public void SharedLoad_ThatIsWaitedFor_TakesItsLatency() =>
        Assert.That(CyclesOfEach(70, 1, MachineCodeSamples.Code(("LDS", 1, 0, 0b1)), schedulers: 1), Is.EqualTo(MachineModel.Of(70).SharedLatency + 1).Within(0.05));

    [Test]
    public void Barrier_HoldsTheFastWarpBack()
    {
        ImmutableArray<MachineInstruction> code = MachineCodeSamples.Code(("IADD3", 15, 7, 0), ("BAR.SYNC", 5, 7, 0), ("EXIT", 1, 7, 0));
        int[] slow = [.. Enumerable.Repeat(0, 100), 1, 2];
        var simulation = new MultiprocessorSimulation(code, MachineModel.Of(70), _ => false);

        double cycles = simulation.Run([[slow, [1, 2]]], resident: 1);

        Assert.That(cycles, Is.EqualTo((100 * 15) + 5 + 1));
        Assert.That(simulation.Issued, Is.EqualTo(104));
        Assert.That(simulation.WaitedCycles(WaitReason.Block) * 4, Is.EqualTo(cycles - 7).Within(10));
    }

    // 64×64 over 16 takes the four schedulers' 2,048 multiply-adds a cycle 32 cycles; right side 2 KB of shared memory, left side as much.
    [TestCase("R24, R100, gdesc[UR12], R24, gsb0", 1, 32 + 18 + 1, TestName = "a product that is waited for takes its time and a latency")]
    [TestCase("R24, R100, gdesc[UR12], R24, gsb0", 4, 32, TestName = "four warpgroups fill the tensor cores")]
    [TestCase("R24, gdesc[UR12], R24, gsb0", 4, 32, TestName = "and with both sides in shared memory just that")]
    public void WarpgroupProducts_RunBesideTheWarp(string operands, int warpsOfAScheduler, double expected)
    {
        ImmutableArray<MachineInstruction> code = MachineCodeSamples.Code(("HGMMA.64x64x16.F32.BF16", 1, 7, 0), ("WARPGROUP.DEPBAR.LE", 1, 7, 0));
        code = [code[0] with { Operands = operands }, code[1] with { Operands = "gsb0, 0x0" }];

        Assert.That(CyclesOfEach(90, warpsOfAScheduler, code), Is.EqualTo(expected).Within(0.5));
        Assert.That(CyclesOfEach(90, 4, [code[0], code[1] with { Operands = "gsb0, 0x1" }]), Is.EqualTo(32).Within(0.5));
    }

    [Test]
    public void MemoryBarrier_LetsTheFastWarpGoOnUntilItWaits()
    {
        ImmutableArray<MachineInstruction> code = MachineCodeSamples.Code(
            ("IADD3", 15, 7, 0), ("SYNCS.ARRIVE.TRANS64.A1T0", 5, 7, 0), ("SYNCS.PHASECHK.TRANS64.TRYWAIT", 5, 7, 0));
        int[] slow = [.. Enumerable.Repeat(0, 100), 1];
        int[] fast = [1, .. Enumerable.Repeat(0, 50), 2];

        double cycles = new MultiprocessorSimulation(code, MachineModel.Of(90), _ => false).Run([[slow, fast]], resident: 1);

        Assert.That(cycles, Is.EqualTo(100 * 15).Within(10));
        Assert.That(
            new MultiprocessorSimulation(code, MachineModel.Of(90), _ => false).Run([[[1], fast]], resident: 1), Is.EqualTo(50 * 15).Within(10), "nothing to wait for");
    }

    [Test]
    public void Blocks_TakeEachOthersPlace()
    {
        ImmutableArray<MachineInstruction> code = MachineCodeSamples.Code(("IADD3", 10, 7, 0));
        int[][] block = [[.. Enumerable.Repeat(0, 100)]];

        double one = new MultiprocessorSimulation(code, MachineModel.Of(80), _ => false).Run(Enumerable.Repeat(block, 6), resident: 1);
        double three = new MultiprocessorSimulation(code, MachineModel.Of(80), _ => false).Run(Enumerable.Repeat(block, 6), resident: 3);

        Assert.That(one / three, Is.EqualTo(3).Within(0.1));
    }

    private static double CyclesOfEach(int architecture, int warpsOfAScheduler, ImmutableArray<MachineInstruction> code, int schedulers = 4)
    {
        int[] trace = [.. Enumerable.Range(0, Count * code.Length).Select(i => i % code.Length)];
        int[][] block = [.. Enumerable.Repeat(trace, schedulers * warpsOfAScheduler)];
        return new MultiprocessorSimulation(code, MachineModel.Of(architecture), _ => false).Run([block], resident: 1) / Count / warpsOfAScheduler;
    }
}
