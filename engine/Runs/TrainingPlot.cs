using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using System.Text;

namespace GptEngine.Engine.Runs;

/// <summary>
/// The picture of a run, as SVG: loss with its smoothed curve and the validation loss above, validation perplexity and the
/// learning rate below, all over optimizer steps.
/// </summary>
public sealed class TrainingPlot
{
    private const int Width = 1000;
    private const int Height = 680;
    private const string Grey = "#8a8f98";
    private const string LossColour = "#9cc3e6";
    private const string SmoothColour = "#1f5fa8";
    private const string ValidationColour = "#d1495b";
    private const string PerplexityColour = "#2e8b57";
    private const string RateColour = "#b07d2b";

    private readonly PlotSeries _loss = new();
    private readonly PlotSeries _learningRate = new();
    private readonly PlotSeries _validationLoss = new();
    private readonly PlotSeries _perplexity = new();

    public void AddStep(long step, double loss, double learningRate)
    {
        _loss.Add(step, loss);
        _learningRate.Add(step, learningRate);
    }

    public void AddEvaluation(long step, double loss, double perplexity)
    {
        _validationLoss.Add(step, loss);
        _perplexity.Add(step, perplexity);
    }

    /// <summary>Forgets the steps after <paramref name="step"/>.</summary>
    public void TruncateAfter(long step)
    {
        foreach (PlotSeries series in (PlotSeries[])[_loss, _learningRate, _validationLoss, _perplexity])
        {
            series.TruncateFrom(step + 0.5);
        }
    }

    /// <summary>Draws everything so far.</summary>
    /// <param name="title">First line, the run's name and shape.</param>
    /// <param name="subtitle">Second line: tokens, throughput.</param>
    public string Draw(string title, string subtitle)
    {
        var svg = new StringBuilder(1 << 16);
        svg.Append(CultureInfo.InvariantCulture, $"<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {Width} {Height}\" width=\"{Width}\" height=\"{Height}\" ");
        svg.AppendLine("font-family=\"DejaVu Sans, Helvetica, Arial, sans-serif\" font-size=\"12\">");
        svg.AppendLine("<rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>");
        Text(svg, 64, 30, title, "#20242a", 17, "start", bold: true);
        Text(svg, 64, 50, subtitle, Grey, 12, "start");

        IReadOnlyList<(double X, double Y)> smoothed = _loss.Smoothed(Math.Max(3, _loss.Points.Count / 40.0));
        Panel(svg, "loss (nats a token)", 64, 88, Width - 90, 314, focusOn: smoothed,
            new Curve("loss", _loss.Points, LossColour, 1.0, Dots: false),
            new Curve("smoothed", smoothed, SmoothColour, 2.2, Dots: false),
            new Curve("validation", _validationLoss.Points, ValidationColour, 1.6, Dots: true));
        Panel(svg, "validation perplexity", 64, 450, 405, 180, focusOn: null, new Curve("perplexity", _perplexity.Points, PerplexityColour, 1.8, Dots: true));
        Panel(svg, "learning rate", 560, 450, 414, 180, focusOn: null, new Curve("learning rate", _learningRate.Points, RateColour, 1.8, Dots: false));
        return svg.AppendLine("</svg>").ToString();
    }

    private static void Panel(
        StringBuilder svg, string name, double left, double top, double width, double height, IReadOnlyList<(double X, double Y)>? focusOn,
        params ReadOnlySpan<Curve> curves)
    {
        double lastStep = 1;
        double low = double.PositiveInfinity;
        double high = double.NegativeInfinity;
        foreach (Curve curve in curves)
        {
            // The first steps' spikes of the raw curve must not flatten the rest: where a smoothed curve is given, it sets the range.
            bool setsRange = focusOn is null || focusOn.Count == 0 || curve.Points != curves[0].Points;
            foreach ((double x, double y) in curve.Points)
            {
                lastStep = Math.Max(lastStep, x);
                (low, high) = setsRange ? (Math.Min(low, y), Math.Max(high, y)) : (low, high);
            }
        }

        Text(svg, left, top - 8, name, "#3a3f47", 12.5, "start", bold: true);
        if (!(low <= high))
        {
            svg.AppendLine(Invariant($"<rect x=\"{left}\" y=\"{top}\" width=\"{width}\" height=\"{height}\" fill=\"none\" stroke=\"#e3e6ea\"/>"));
            Text(svg, left + (width / 2), top + (height / 2), "nothing yet", Grey, 12, "middle");
            return;
        }

        double margin = (high - low) * 0.04;
        var xAxis = new PlotAxis(0, lastStep, left, left + width, Math.Max(3, (int)(width / 110)));
        var yAxis = new PlotAxis(low - margin, high + margin, top + height, top, Math.Max(3, (int)(height / 48)));
        Grid(svg, xAxis, yAxis);
        string clip = Invariant($"c{left:0}-{top:0}");
        svg.AppendLine(Invariant($"<clipPath id=\"{clip}\"><rect x=\"{left}\" y=\"{top}\" width=\"{width}\" height=\"{height}\"/></clipPath><g clip-path=\"url(#{clip})\">"));
        foreach (Curve curve in curves)
        {
            Line(svg, curve, xAxis, yAxis);
        }

        svg.AppendLine("</g>");
        Legend(svg, curves, left + width, top);
    }

    private static void Grid(StringBuilder svg, PlotAxis x, PlotAxis y)
    {
        foreach (double tick in y.Ticks())
        {
            double pixel = y.Map(tick);
            svg.AppendLine(Invariant($"<line x1=\"{x.PixelLow}\" y1=\"{pixel:0.#}\" x2=\"{x.PixelHigh}\" y2=\"{pixel:0.#}\" stroke=\"#e8eaee\"/>"));
            Text(svg, x.PixelLow - 8, pixel + 4, PlotAxis.Label(tick), Grey, 11, "end");
        }

        foreach (double tick in x.Ticks())
        {
            double pixel = x.Map(tick);
            svg.AppendLine(Invariant($"<line x1=\"{pixel:0.#}\" y1=\"{y.PixelLow}\" x2=\"{pixel:0.#}\" y2=\"{y.PixelLow + 4}\" stroke=\"#9aa0a8\"/>"));
            Text(svg, pixel, y.PixelLow + 18, PlotAxis.Label(tick), Grey, 11, "middle");
        }

        svg.AppendLine(Invariant($"<line x1=\"{x.PixelLow}\" y1=\"{y.PixelLow}\" x2=\"{x.PixelHigh}\" y2=\"{y.PixelLow}\" stroke=\"#9aa0a8\"/>"));
        Text(svg, x.PixelHigh, y.PixelLow + 34, "optimizer step", Grey, 11, "end");
    }

    private static void Line(StringBuilder svg, Curve curve, PlotAxis x, PlotAxis y)
    {
        if (curve.Points.Count > 1)
        {
            svg.Append(CultureInfo.InvariantCulture, $"<polyline fill=\"none\" stroke=\"{curve.Colour}\" stroke-width=\"{curve.Stroke}\" stroke-linejoin=\"round\" points=\"");
            foreach ((double px, double py) in curve.Points)
            {
                svg.Append(CultureInfo.InvariantCulture, $"{x.Map(px):0.#},{y.Map(py):0.#} ");
            }

            svg.AppendLine("\"/>");
        }

        if (curve.Dots || curve.Points.Count == 1)
        {
            foreach ((double px, double py) in curve.Points)
            {
                svg.AppendLine(Invariant($"<circle cx=\"{x.Map(px):0.#}\" cy=\"{y.Map(py):0.#}\" r=\"{(curve.Points.Count > 60 ? 1.6 : 3)}\" fill=\"{curve.Colour}\"/>"));
            }
        }
    }

    private static void Legend(StringBuilder svg, ReadOnlySpan<Curve> curves, double right, double top)
    {
        double y = top + 16;
        foreach (Curve curve in curves)
        {
            if (curve.Points.Count > 0)
            {
                string last = curve.Points[^1].Y.ToString(Math.Abs(curve.Points[^1].Y) < 0.01 ? "0.00e-0" : "0.000", CultureInfo.InvariantCulture);
                svg.AppendLine(Invariant($"<line x1=\"{right - 190}\" y1=\"{y - 4}\" x2=\"{right - 168}\" y2=\"{y - 4}\" stroke=\"{curve.Colour}\" stroke-width=\"3\"/>"));
                Text(svg, right - 160, y, $"{curve.Name}, now {last}", "#3a3f47", 12, "start");
                y += 18;
            }
        }
    }

    private static void Text(StringBuilder svg, double x, double y, string text, string colour, double size, string anchor, bool bold = false)
    {
        string escaped = string.Concat(text.Select(c => c switch { '<' => "&lt;", '>' => "&gt;", '&' => "&amp;", < ' ' => " ", _ => c.ToString() }));
        svg.AppendLine(Invariant(
            $"<text x=\"{x:0.#}\" y=\"{y:0.#}\" fill=\"{colour}\" font-size=\"{size}\" text-anchor=\"{anchor}\"{(bold ? " font-weight=\"600\"" : "")}>{escaped}</text>"));
    }

    private static string Invariant(FormattableString text) => FormattableString.Invariant(text);

    private readonly record struct Curve(string Name, IReadOnlyList<(double X, double Y)> Points, string Colour, double Stroke, bool Dots);
}
