using System;
using System.IO;
using GptEngine.Gpt.Launching;
using NUnit.Framework;

namespace GptEngine.Tests.Launching;

/// <summary>What the launcher shows of rank 0's lines.</summary>
public sealed class RankScreenTests
{
    private static readonly string[] Lines =
    [
        "rank 0 of 2 on vm, process 7",
        "step 1/3  loss 5.5200  lr 6.00e-5",
        "step 1  validation loss 5.1  perplexity 164",
        "step 2/3  loss 5.5122  lr 6.00e-5",
        "step 3/3  loss 5.5277  lr 6.00e-5",
        "step 3  sample: step 1/2  lossless",
    ];

    [Test]
    public void Terminal_StepsAreOneLine_TheRestStays()
    {
        string shown = Show(isTerminal: true);
        Assert.That(shown, Does.StartWith(Lines[0] + "\n\rstep 1/3  loss").And.EndWith(Lines[4] + "\n" + Lines[5] + "\n"));
        Assert.That(shown, Does.Contain("\r\u001b[K" + Lines[2] + "\n").And.Not.Contain(Lines[1] + "\n").And.Not.Contain(Lines[3] + "\n"));
    }

    [Test]
    public void Elsewhere_EveryLineStays() => Assert.That(Show(isTerminal: false), Is.EqualTo(string.Join('\n', Lines) + "\n"));

    [Test]
    public void Errors_TakeTheLineAwayFirst()
    {
        using var both = new StringWriter { NewLine = "\n" };
        using (var screen = new RankScreen(both, both, TimeSpan.FromMinutes(1), isTerminal: true))
        {
            screen.Show(Lines[1], isError: false);
            screen.Show("warning: hot", isError: true);
            screen.Release();
        }

        Assert.That(both.ToString(), Does.EndWith("\r\u001b[Kwarning: hot\n"));
    }

    private static string Show(bool isTerminal)
    {
        using var output = new StringWriter { NewLine = "\n" };
        using (var screen = new RankScreen(output, TextWriter.Null, TimeSpan.FromMinutes(1), isTerminal))
        {
            Array.ForEach(Lines, line => screen.Show(line, isError: false));
        }

        return output.ToString();
    }
}
