using System.Xml.Linq;
using GptEngine.Engine.Runs;
using NUnit.Framework;

namespace GptEngine.Tests.Runs;

public sealed class TrainingPlotTests
{
    [TestCase(0)]
    [TestCase(1)]
    [TestCase(2)]
    [TestCase(100_000)]
    public void Draw_AnyNumberOfSteps_IsWellFormedAndBounded(int steps)
    {
        var plot = new TrainingPlot();
        for (int step = 1; step <= steps; step++)
        {
            plot.AddStep(step, step == 3 ? double.NaN : 11 - (step * 1e-5), 6e-4);
            if (step % 50 == 0)
            {
                plot.AddEvaluation(step, 10, double.PositiveInfinity);
            }
        }

        string svg = plot.Draw("a <run> & more", "subtitle");
        Assert.That(XDocument.Parse(svg).Root!.Name.LocalName, Is.EqualTo("svg"));
        Assert.That(svg, Does.Not.Contain("NaN").And.Not.Contain("∞"));
        Assert.That(svg.Length, Is.LessThan(600_000));
    }

    [Test]
    public void PlotSeries_ThinnedPoints_KeepTheMean()
    {
        var series = new PlotSeries();
        for (int i = 0; i < 65_536; i++)
        {
            series.Add(i, i);
        }

        double sum = 0;
        foreach ((double x, double y) in series.Points)
        {
            Assert.That(y, Is.EqualTo(x));
            sum += y;
        }

        Assert.That(sum / series.Points.Count, Is.EqualTo(65_535 / 2.0).Within(16));
    }

    [Test]
    public void PlotSeries_TruncateFrom_ForgetsTheLaterPart()
    {
        var series = new PlotSeries();
        for (int i = 0; i < 10; i++)
        {
            series.Add(i, i);
        }

        series.TruncateFrom(6);
        Assert.That(series.Points, Has.Count.EqualTo(6));
    }
}
