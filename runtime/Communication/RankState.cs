using System;

namespace GptEngine.Runtime.Communication;

/// <summary>What is known of a rank.</summary>
/// <param name="Rank">Which.</param>
/// <param name="Host">Where it runs.</param>
/// <param name="Activity">What it last reported; empty before that.</param>
/// <param name="SinceReport">How long ago it reported that.</param>
/// <param name="SinceHeard">How long ago anything came from it.</param>
/// <param name="CollectivesBegun">Collectives that it has come to.</param>
/// <param name="CollectivesEnded">Collectives that have ended there.</param>
/// <param name="HasLeft">Whether it has said farewell.</param>
public sealed record RankState(
    int Rank,
    string Host,
    string Activity,
    TimeSpan SinceReport,
    TimeSpan SinceHeard,
    long CollectivesBegun,
    long CollectivesEnded,
    bool HasLeft);
