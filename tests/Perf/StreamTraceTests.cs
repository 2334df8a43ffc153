using System.Collections.Immutable;
using System.Linq;
using GptEngine.Perf.MachineCode;
using GptEngine.Runtime;
using NUnit.Framework;

namespace GptEngine.Tests.Perf;

public sealed class StreamTraceTests
{
    // A guarded loop of one 16-byte load and store, and behind it what handles odd ends.
    private static readonly ImmutableArray<MachineInstruction> Streaming =
    [
        Line(0, "", "ISETP", -1),
        Line(1, "@P0", "BRA", 5),
        Line(2, "", "LDG.E.128", -1),
        Line(3, "", "STG.E.128", -1),
        Line(4, "@P1", "BRA", 2),
        Line(5, "@P2", "BRA", 8),
        Line(6, "", "LDG.E.U16", -1),
        Line(7, "", "STG.E.U16", -1),
        Line(8, "", "EXIT", -1),
    ];

    [TestCase(16, 1)]
    [TestCase(48, 3)]
    [TestCase(160, 10)]
    public void Read_GoesRoundUntilAllIsLoaded(double threadBytes, int rounds)
    {
        int[] trace = new StreamTrace(new FlowGraph(Streaming), threadBytes).Read();

        Assert.That(trace.Count(i => i == 2), Is.EqualTo(rounds));
        Assert.That(trace.Count(i => i == 3), Is.EqualTo(rounds));
        Assert.That(trace[^1], Is.EqualTo(8));
    }

    [Test]
    public void Read_LoopOfMoreThanThereIs_IsPassedBy() =>
        Assert.That(new StreamTrace(new FlowGraph(Streaming), 4).Read(), Does.Not.Contain(2), "a loop of more than a thread loads is for others");

    [Test]
    public void Only_IsTheSectionOfTheKernel()
    {
        const string text = "\t.section\t.text.first,\"ax\"\nfirst's\n\t.section\t.text.second,\"ax\"\nsecond's\n";

        Assert.That(MachineCodeListing.Only(text, "first"), Does.Contain("first's").And.Not.Contain("second's"));
        Assert.That(MachineCodeListing.Only(text, "second"), Does.Contain("second's").And.Not.Contain("first's"));
        Assert.That(Assert.Throws<UserErrorException>(() => MachineCodeListing.Only(text, "third"))!.Message, Does.Contain("third"));
    }

    private static MachineInstruction Line(int at, string guard, string opcode, int target) =>
        new(16 * at, guard, opcode, "", new ControlCode(1, ControlCode.None, ControlCode.None, 0), target);
}
