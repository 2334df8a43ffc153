namespace GptEngine.Engine.Configuration;

/// <summary>Everything a run is made of: a preset, under a configuration file, under <c>--set</c>.</summary>
public sealed record RunConfiguration
{
    public ModelConfiguration Model { get; init; } = new();

    public DataConfiguration Data { get; init; } = new();

    public OptimizerConfiguration Optimizer { get; init; } = new();

    public TrainingConfiguration Training { get; init; } = new();
}
