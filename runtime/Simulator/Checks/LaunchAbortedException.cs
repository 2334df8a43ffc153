using System;

namespace GptEngine.Runtime.Simulator.Checks;

/// <summary>Ends a launch that cannot go on; what was wrong is already among its findings.</summary>
internal sealed class LaunchAbortedException : Exception
{
    public LaunchAbortedException()
        : base("the launch was ended by a finding")
    {
    }
}
