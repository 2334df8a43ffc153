using System;
using System.Linq;
using GptEngine.Kernels.Attention;
using GptEngine.Kernels.Common;
using GptEngine.Perf.MachineCode;
using GptEngine.Runtime;
using GptEngine.Runtime.Cuda;
using GptEngine.Runtime.Memory;
using GptEngine.Runtime.Simulator.Driver;
using NUnit.Framework;

namespace GptEngine.Tests.Perf;

/// <summary>The replay of attention's kernels, held against the products that their shapes need.</summary>
public sealed class AttentionTracesTests
{
    private static readonly FlowGraph Short = GraphOf(MachineCodeSamples.AttentionShort);
    private static readonly FlowGraph Whole = GraphOf(MachineCodeSamples.AttentionWhole);
    private static readonly FlowGraph Behind = GraphOf(MachineCodeSamples.AttentionBehind);
    private static readonly FlowGraph Pairs = GraphOf(MachineCodeSamples.AttentionPairs);
    private static readonly FlowGraph Warpgroup = GraphOf(MachineCodeSamples.AttentionWarpgroup);

    // A product of a warp's 32 rows with a step of 32, D 64.
    private const double Product = 32.0 * 32 * 64;

    [TestCase(true, 36 * 4, TestName = "by keys: eight warps of 32 keys are seen by 8, 7, ... 1 steps, four products each")]
    [TestCase(false, 36 * 3, TestName = "by queries: they see 1, 2, ... 8 steps, three products each")]
    public void Traces_OfALaunchOfTwoPasses_AreThoseOfOne(bool byKeys, int products)
    {
        var pass = new AttentionPass(new KernelInstance("", "", 128), 128, byKeys ? 4 : 3, byKeys, 2) { IsShort = true };

        Assert.That(MultiplyAdds(Short, pass, 64, 256), Is.EqualTo(products * Product));
    }

    [Test]
    public void Traces_ByKeysInOneLaunch_MakeDeltaOfTheQueriesThatSee()
    {
        var pass = new AttentionPass(new KernelInstance("", "", 128), 128, 4, true, 2) { IsShort = true };
        var traces = new AttentionTraces(Short, pass, 64);

        // Three shuffles sum four rows; no other pass of this kernel's shuffles.
        int[] shuffles = [.. Enumerable.Range(0, 2).Select(tile => traces.OfBlock(tile, 256).Sum(trace => trace.Count(i => Short.Code[i].Name == "SHFL")))];

        Assert.That(shuffles, Is.EqualTo((int[])[256 / 4 * 3, 128 / 4 * 3]));
    }

    [TestCase(256)]
    [TestCase(160)]
    public void Traces_OfValuesAStepBehind_MakeEachStepsScoresAndValuesOnce(int time)
    {
        var pass = new AttentionPass(new KernelInstance("", "", 128), 128, 2, false, 1);
        var traces = new AttentionTraces(Behind, pass, 64);
        int warps = (time + 31) / 32;

        // The last block's rows past the end are traced too: they are as the others.
        int tracedWarps = (warps + 3) / 4 * 4;
        int steps = Enumerable.Range(1, tracedWarps).Sum(warp => Math.Min(warp, warps));
        Assert.That(MultiplyAdds(Behind, pass, 64, time), Is.EqualTo(steps * 2 * Product));

        // Every warp is at every barrier: before the steps, at each, and at the one more for the last values.
        int[] barriers = [.. traces.OfBlock(0, time).Select(trace => trace.Count(i => Behind.Code[i].Name == "BAR"))];
        Assert.That(barriers, Is.All.EqualTo(1 + 4 + 1));
    }

    [Test]
    public void Traces_OfValuesAStepBehind_SetBasesInTheFirstStepAlone()
    {
        var traces = new AttentionTraces(Behind, new AttentionPass(new KernelInstance("", "", 128), 128, 2, false, 1), 64);

        // A lane's 32 exponentials a step, and in the first four corrections of what was summed.
        int[] exponentials = [.. traces.OfBlock(0, 128).Select(trace => trace.Count(i => Behind.Code[i].Has("EX2")))];

        Assert.That(exponentials, Is.EqualTo((int[])[4 + 32, 4 + 64, 4 + 96, 4 + 128]));
    }

    [TestCase(256)]
    [TestCase(160)]
    public void Traces_OfAWholeHead_MakeGradQAStepBehind(int time)
    {
        var pass = new AttentionPass(new KernelInstance("", "", 256), 256, 4, true, 0) { IsShort = true, IsWholeHead = true };
        int steps = time / 32;

        // gradQ of a step is a product with all keys up to it: five products of each warp's step, S among them.
        Assert.That(MultiplyAdds(Whole, pass, 64, time), Is.EqualTo(steps * (steps + 1) / 2 * 5 * Product));
        int[] barriers = [.. new AttentionTraces(Whole, pass, 64).OfBlock(0, time).Select(trace => trace.Count(i => Whole.Code[i].Name == "BAR"))];
        Assert.That(barriers, Is.All.EqualTo(steps + 1));
    }

    [Test]
    public void Traces_OfPairs_ShareAStep()
    {
        var pass = new AttentionPass(new KernelInstance("", "", 256), 128, 4, true, 2) { Step = 64, Team = 2 };

        // Eight pairs of 32 keys at T 256: 64 queries a step are two products of 32, D 128 two of 64.
        int steps = Enumerable.Range(0, 8).Sum(pair => 4 - (pair * 32 / 64));
        Assert.That(MultiplyAdds(Pairs, pass, 128, 256), Is.EqualTo(steps * 4 * 2 * 2 * Product));
    }

    [Test]
    public void Traces_OfWarpgroups_MultiplyCopyAndWaitAsTheLaunchDoes()
    {
        var traces = new WarpgroupTraces(Warpgroup, new AttentionPass(new KernelInstance("", "", 256), 128, 2, false, 1) { Step = 64, Team = 4, IsOfWarpgroups = true });

        // Four warpgroups of 64 queries see 1, 2, 3 and 4 steps of 64 keys, two products of D 64 each.
        Assert.That(
            traces.OfHead(256).Sum(block => block.Sum(trace => trace.Sum(i => MachineModel.MultiplyAdds(Warpgroup.Code[i])))), Is.EqualTo(10 * 2 * 64.0 * 64 * 64));
        foreach (int tile in new[] { 0, 1 })
        {
            // A thread copies four chunks of the block's queries, and two of each step's keys and as many of its values.
            int steps = 2 * (tile + 1);
            int[][] block = traces.OfBlock(tile);
            Assert.That(block.Select(trace => trace.Count(i => Warpgroup.Code[i].Name == "LDGSTS")), Is.All.EqualTo(4 + (4 * steps)));
            Assert.That(block.Select(trace => trace.Count(i => Warpgroup.Code[i].Has("TRYWAIT"))), Is.All.EqualTo(steps + 1));
            Assert.That(block.Select(trace => trace.Count(i => Warpgroup.Code[i].Has("ARRIVE") && Warpgroup.Code[i].Name == "SYNCS")), Is.All.EqualTo(steps + 2));
        }

        Assert.That(() => traces.OfHead(192), Throws.TypeOf<UserErrorException>().With.Message.Contains("whole blocks of 128, not 192"));
    }

    [Test]
    public void TeamBarrier_HoldsItsWarpsAlone()
    {
        MachineInstruction wait = new(0x10, "", "BAR.SYNC", "R4, 0x40", new ControlCode(5, ControlCode.None, ControlCode.None, 0), -1);
        var code = MachineCodeSamples.Code(("IADD3", 15, 7, 0)).Add(wait);
        int[] slow = [.. Enumerable.Repeat(0, 100), 1];
        var simulation = new MultiprocessorSimulation(code, MachineModel.Of(80), _ => false, team: 2);

        // Were it the block's, the last two would go on only when the slow one has come.
        double cycles = simulation.Run([[slow, [1], [1, 0, 1], [1, 0, 1]]], resident: 1);

        Assert.That(cycles, Is.EqualTo((100 * 15) + 1));
    }

    [TestCase("H200", 256, 64, "attention_backward_whole_mma<BFloat16, 64, 2, 8>", "attention_backward_short_mma<BFloat16, 64, 2, 2, 2>")]
    [TestCase("A100", 1024, 128, "attention_backward_keys_pairs_mma<BFloat16, 128>", "attention_backward_keys_mma<BFloat16, 128, 1, 2>")]
    [TestCase("A100", 256, 96, "attention_backward_short_mma<BFloat16, 96, 1, 2, 2>", "attention_backward_short_mma<BFloat16, 96, 1, 2, 2>")]
    [TestCase("V100", 256, 64, "attention_backward_short_mma<Half, 64, 2, 2, 1>", "attention_backward_short_mma<Half, 64, 2, 2, 1>")]
    public void Launches_AreTheLaunchersChoice(string name, int time, int headSize, string chosen, string small)
    {
        GpuDeviceProperties gpu = SimulatedGpus.All.Single(gpu => gpu.Name.EndsWith(name, StringComparison.Ordinal));
        DataType type = gpu.Architecture == 70 ? DataType.Float16 : DataType.BFloat16;
        var shape = new AttentionShape(1, time, 1, headSize);

        string LastOf(AttentionVariant variant) => AttentionPass.Launches(type, shape, gpu, variant)[^1][0].Kernel.NameExpression;

        Assert.That(LastOf(AttentionVariant.LargeBlocks), Is.EqualTo(chosen));
        Assert.That(LastOf(AttentionVariant.SmallBlocks), Is.EqualTo(small));
    }

    private static double MultiplyAdds(FlowGraph graph, AttentionPass pass, int headSize, int time)
    {
        var traces = new AttentionTraces(graph, pass, headSize);
        return traces.OfHead(time).Sum(block => block.Sum(trace => trace.Sum(i => MachineModel.MultiplyAdds(graph.Code[i]))));
    }

    private static FlowGraph GraphOf(string listing) => new(MachineCodeListing.Parse(listing));
}
