namespace GptEngine.Engine.Scaling;

/// <summary>One number of ranks in the report.</summary>
/// <param name="Ranks">W.</param>
/// <param name="Nodes">Hosts.</param>
/// <param name="MicroSteps">Of a step, on each rank.</param>
/// <param name="Tokens">Of a step.</param>
/// <param name="StepSeconds">Predicted.</param>
/// <param name="TokensPerSecond">Of all ranks.</param>
/// <param name="WaitingSeconds">For the slowest rank.</param>
/// <param name="ExposedSeconds">Sums not hidden.</param>
/// <param name="Efficiency">Throughput a GPU over that of one GPU alone with the same micro-steps.</param>
/// <param name="ShardedEfficiency">The same with <c>training.shard_optimizer</c>.</param>
/// <param name="SameBatchEfficiency">At the preset's own tokens a step, over one GPU with those; null where the ranks are too many for one micro-step.</param>
/// <param name="SameBatchShardedEfficiency">The same with <c>training.shard_optimizer</c>.</param>
/// <param name="RingGigabytesPerSecond">Of the collectives.</param>
public sealed record ScalingRow(
    int Ranks, int Nodes, double MicroSteps, double Tokens, double StepSeconds, double TokensPerSecond, double WaitingSeconds, double ExposedSeconds,
    double Efficiency, double ShardedEfficiency, double? SameBatchEfficiency, double? SameBatchShardedEfficiency, double RingGigabytesPerSecond);
