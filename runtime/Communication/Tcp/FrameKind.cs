namespace GptEngine.Runtime.Communication.Tcp;

/// <summary>What a frame between a rank and rank 0 says.</summary>
internal enum FrameKind : byte
{
    /// <summary>A rank introduces itself.</summary>
    Join = 1,

    /// <summary>All ranks have arrived and agree; names their hosts.</summary>
    Welcome,

    /// <summary>The run will not start; says why.</summary>
    Refused,

    /// <summary>A rank is there, does this, and has come so far.</summary>
    Heartbeat,

    /// <summary>Rank 0 wants a heartbeat now.</summary>
    Ask,

    /// <summary>A rank has come to a meeting, with its message.</summary>
    Meet,

    /// <summary>All have; their messages.</summary>
    Met,

    /// <summary>A rank ends the run; says why.</summary>
    Fail,

    /// <summary>A rank's collective has not ended in time.</summary>
    Late,

    /// <summary>The run has ended; says why.</summary>
    Failed,

    /// <summary>The sender leaves in good order.</summary>
    Farewell,
}
