using System;
using System.Linq;
using GptEngine.Runtime.Simulator.Ptx;
using NUnit.Framework;

namespace GptEngine.Tests.Simulator;

public sealed class PtxParserTests
{
    [Test]
    public void NvrtcText_GivesVariablesFunctionsAndLines()
    {
        PtxModule module = PtxParser.Parse(Golden.Read("basics.sm70.ptx"));
        Assert.That(module.Target, Is.EqualTo(70));
        Assert.That(module.Variables["table"].Initializer, Has.Count.EqualTo(16));
        Assert.That(module.Variables["msg"].Initializer![0], Is.EqualTo(new PtxInitializer(0, "$str", true)));
        Assert.That(module.Functions["ln"].MaximumThreads, Is.EqualTo(256));
        PtxInstruction shuffle = module.Functions["ln"].Body!.First(i => i.Opcode == "shfl");
        Assert.That(shuffle.Place, Is.EqualTo("basics.cu:4 (inlined at basics.cu:14)"));
    }

    [Test]
    public void TruncatedText_IsAnErrorWithItsLine()
    {
        string text = Golden.Read("planted.sm80.ptx");
        var random = new Random(3);
        for (int i = 0; i < 200; i++)
        {
            AssertRefusedOrRead(text[..random.Next(text.Length)]);
        }
    }

    [Test]
    public void DamagedText_IsAnErrorWithItsLine()
    {
        string text = Golden.Read("basics.sm70.ptx");
        var random = new Random(4);
        for (int i = 0; i < 300; i++)
        {
            char[] damaged = text.ToCharArray();
            for (int k = 0; k < 4; k++)
            {
                damaged[random.Next(damaged.Length)] = (char)random.Next(1, 160);
            }

            AssertRefusedOrRead(new string(damaged));
        }
    }

    [TestCase(".version 8.0\n.target sm_90\n.address_size 64\n.global .align 4 .b8 x[99999999999];", 4)]
    [TestCase(".version 8.0\n.target sm_90\n.visible .entry k()\n{\n.reg .b32 %r<2000000000>;\n}", 5)]
    [TestCase(".version 8.0\n.target sm_90\n.visible .entry k()\n{\nmov.u32 [%r1], 1;\n}", 5)]
    [TestCase(".version 8.0\n.target nothing", 2)]
    public void Nonsense_IsRefusedAtItsLine(string text, int line) =>
        Assert.That(Assert.Throws<PtxSyntaxException>(() => PtxParser.Parse(text))!.Line, Is.EqualTo(line));

    private static void AssertRefusedOrRead(string text)
    {
        try
        {
            PtxParser.Parse(text);
        }
        catch (PtxSyntaxException e)
        {
            Assert.That(e.Line, Is.GreaterThan(0));
        }
    }
}
