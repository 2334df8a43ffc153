namespace GptEngine.Engine.Ranks;

/// <summary>What a rank tells all others with a step.</summary>
/// <param name="StopRequested">Whether it has been asked to stop.</param>
/// <param name="ShareWritten">Whether its share of the checkpoint under way is on disk.</param>
/// <param name="OwnSeconds">How long an earlier step took it before it first waited for others; 0 where not known yet.</param>
public readonly record struct RankNews(bool StopRequested, bool ShareWritten, double OwnSeconds);
