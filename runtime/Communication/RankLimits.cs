using System;

namespace GptEngine.Runtime.Communication;

/// <summary>How long ranks wait for each other before they give up and say for whom they waited.</summary>
/// <param name="Arrival">For all ranks to arrive at the rendezvous, from this rank's own arrival.</param>
/// <param name="Silence">For any sign of a rank: a host that is cut off or stopped is noticed within this.</param>
/// <param name="Collective">For a collective, from its start here: a rank that hangs is noticed within this.</param>
/// <param name="Meeting">For a barrier or an exchange of messages, from this rank's own arrival.</param>
public sealed record RankLimits(TimeSpan Arrival, TimeSpan Silence, TimeSpan Collective, TimeSpan Meeting)
{
    /// <summary>Five minutes to arrive (schedulers start nodes minutes apart), half a minute of silence, ten minutes for what waits for computation.</summary>
    public static RankLimits Default { get; } = new(TimeSpan.FromMinutes(5), TimeSpan.FromSeconds(30), TimeSpan.FromMinutes(10), TimeSpan.FromMinutes(10));

    /// <summary>How often a rank says that it is there.</summary>
    internal TimeSpan Heartbeat => TimeSpan.FromMilliseconds(Math.Clamp(Math.Min(Silence.TotalMilliseconds / 6, Collective.TotalMilliseconds / 4), 20, 5000));
}
