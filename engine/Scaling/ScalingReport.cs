using System.Collections.Generic;
using System.Linq;

namespace GptEngine.Engine.Scaling;

/// <summary>The model's tables with everything that they rest on.</summary>
public sealed record ScalingReport
{
    public required IReadOnlyList<ScalingAssumption> Assumptions { get; init; }

    public required IReadOnlyList<ScalingCheck> Checks { get; init; }

    public required IReadOnlyList<ScalingTable> Tables { get; init; }

    /// <summary>The tables with the model's assumptions and its checks against what was measured elsewhere.</summary>
    public static ScalingReport Of(ScalingAssumptions assumptions, IReadOnlyList<ScalingTable> tables)
    {
        var model = new ScalingModel(assumptions);
        return new ScalingReport
        {
            Assumptions = [.. assumptions.Lines().Select(line => new ScalingAssumption(line.Name, line.Value, line.Source))],
            Checks =
            [
                .. PublishedMeasurement.All.Select(published => new ScalingCheck(
                    published.Workload.Name, published.BaseRanks, published.Ranks, published.MicroSteps, published.Efficiency, published.Efficiency,
                    published.Predicted(model), published.Source, published.IsExplained)),
                .. MeasuredBand.All.Select(band => new ScalingCheck(
                    band.Workload.Name, 1, 8, band.MicroSteps, band.Low, band.High,
                    model.Predict(band.Workload, 8, band.MicroSteps, sharded: false).Efficiency, "a range seen on one DGX-1", true)),
            ],
            Tables = tables,
        };
    }
}

/// <summary>One thing taken as given.</summary>
public sealed record ScalingAssumption(string Name, string Value, string Source);

/// <summary>The model beside a measurement: efficiency from <paramref name="BaseRanks"/> to <paramref name="Ranks"/> GPUs.</summary>
public sealed record ScalingCheck(
    string Name, int BaseRanks, int Ranks, int MicroSteps, double MeasuredLow, double MeasuredHigh, double Predicted, string Source, bool IsExplained)
{
    /// <summary>How far the prediction lies outside of what was measured, in efficiency.</summary>
    public double Error => Predicted < MeasuredLow ? Predicted - MeasuredLow : Predicted > MeasuredHigh ? Predicted - MeasuredHigh : 0;
}
