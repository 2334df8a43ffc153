using System.Collections.Immutable;
using System.Linq;
using GptEngine.Kernels.Common;
using GptEngine.Perf.MachineCode;
using GptEngine.Runtime;
using GptEngine.Runtime.Compile;
using NUnit.Framework;

namespace GptEngine.Tests.Perf;

public sealed class MachineCodeTests
{
    private const int Time = 256;
    private const int HeadSize = 64;

    private static readonly AttentionPass Forward = new(new KernelInstance("", "", 128), BlockRows: 128, Products: 2, RowsAreKeys: false, LastingTensors: 1);

    [TestCase(0x000e220000002100UL, 1, 0, 7, 0b000000, TestName = "S2R that raises barrier 0")]
    [TestCase(0x000fca00078e00ffUL, 5, 7, 7, 0b000000, TestName = "a stall of 5, no barrier")]
    [TestCase(0x002fc800078e00ffUL, 4, 7, 7, 0b000010, TestName = "a wait for barrier 1")]
    public void ControlCode_IsBits105To121(ulong upper, int stall, int write, int read, int wait) =>
        Assert.That(ControlCode.FromUpperHalf(upper), Is.EqualTo(new ControlCode(stall, write, read, wait)));

    [Test]
    public void Parse_ReadsEveryInstruction()
    {
        ImmutableArray<MachineInstruction> code = MachineCodeListing.Parse(MachineCodeSamples.Reduce);

        Assert.That(code.Select(instruction => instruction.Address), Is.EqualTo(Enumerable.Range(0, code.Length).Select(i => 16 * i)));
        Assert.That(code[1], Is.EqualTo(new MachineInstruction(0x10, "", "S2R", "R2, SR_TID.X", new ControlCode(1, 0, 7, 0), -1)));
        Assert.That(code.Count(instruction => instruction.Name == "LDG"), Is.GreaterThan(0));
        Assert.That(code.Where(instruction => instruction.IsBranch).Select(branch => branch.Target), Is.All.InRange(0, code.Length - 1));
    }

    [TestCase("no code at all", "no instruction")]
    [TestCase(" /*0000*/ BRA `(.L_x_9) ; /* 0x0000000000007947 */\n /* 0x000fea0003800000 */", "'.L_x_9'")]
    public void Parse_WhatIsNoListing_SaysSo(string text, string part) =>
        Assert.That(Assert.Throws<UserErrorException>(() => MachineCodeListing.Parse(text))!.Message, Does.Contain(part));

    [Test]
    public void Loops_AreThoseOfTheSource()
    {
        var graph = new FlowGraph(MachineCodeListing.Parse(MachineCodeSamples.Attention));
        MachineLoop main = graph.Loops.MaxBy(loop => loop.Count);

        Assert.That(graph.Loops.Count(loop => main.Contains(loop)), Is.EqualTo(1), "the product with keys goes round; that with values is unrolled");
        Assert.That(graph.Loops.Length, Is.EqualTo(5), "three more before it: documents' starts twice, and the queries' rows");
        Assert.That(graph.Code.Skip(main.First).Take(main.Count).Count(instruction => instruction.Name == "HMMA"), Is.EqualTo(320));
    }

    [Test]
    public void Traces_MultiplyAsOftenAsTheShapeNeeds()
    {
        var graph = new FlowGraph(MachineCodeListing.Parse(MachineCodeSamples.Attention));
        var traces = new AttentionTraces(graph, Forward, HeadSize);
        double products = 0;
        for (int tile = 0; tile < Forward.Tiles(Time); tile++)
        {
            products += traces.OfBlock(tile, Time).Sum(trace => trace.Sum(i => MachineModel.MultiplyAdds(graph.Code[i])));
        }

        // By hand: eight warps of 32 queries see 1, 2, ... 8 steps of 32 keys; a step is 2 products of 32·32·64.
        Assert.That(products, Is.EqualTo(36.0 * 2 * 32 * 32 * 64));
        Assert.That(traces.Trips.Values, Does.Contain(4), "64 of D in steps of 8, two unrolled");
        Assert.That(traces.Kinds.Values, Is.SupersetOf((BranchKind[])[BranchKind.Back, BranchKind.OverStep, BranchKind.OverMask, BranchKind.OverScaling]));
    }

    [Test]
    public void Traces_OfABlock_MeetAtTheSameBarriers()
    {
        var graph = new FlowGraph(MachineCodeListing.Parse(MachineCodeSamples.Attention));
        int[] barriers = [.. new AttentionTraces(graph, Forward, HeadSize).OfBlock(1, Time).Select(trace => trace.Count(i => graph.Code[i].Name == "BAR"))];

        Assert.That(barriers, Is.All.EqualTo(1 + (2 * (Time / Forward.Step))));
    }

    [Test]
    public void BytesInFlight_AreAskedForBeforeTheFirstWait()
    {
        ImmutableArray<MachineInstruction> code = MachineCodeSamples.Code(
            ("LDG.E.128", 4, 0, 0), ("LDG.E.128", 4, 1, 0), ("LDG.E", 4, 0, 0), ("FADD", 4, 7, 0b01), ("LDG.E.128", 4, 0, 0b10), ("EXIT", 5, 7, 0));
        var kernel = new CompiledKernel(new KernelInstance("", "", 128), new FlowGraph(code), new KernelResources(32, 0, 0, 0, 0), ResidentBlocks: 3);

        BytesInFlight flight = BytesInFlight.Of(kernel);

        Assert.That(flight.PerWarp, Is.EqualTo(512 + 512 + 128));
        Assert.That(flight.PerMultiprocessor, Is.EqualTo(12 * flight.PerWarp));
    }
}
