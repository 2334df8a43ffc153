namespace GptEngine.Engine.Configuration;

/// <summary>Everything a run is made of: a preset, under a configuration file, under <c>--set</c>.</summary>
public sealed record RunConfiguration
{
    public ModelConfiguration Model { get; set; } = new();

    public DataConfiguration Data { get; set; } = new();

    public OptimizerConfiguration Optimizer { get; set; } = new();

    public TrainingConfiguration Training { get; set; } = new();
}
