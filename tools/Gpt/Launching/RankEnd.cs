using System.Collections.Generic;
using GptEngine.Runtime;
using GptEngine.Runtime.Launching;

namespace GptEngine.Gpt.Launching;

/// <summary>How a rank ended.</summary>
/// <param name="Rank">Which.</param>
/// <param name="Status">Its exit code, or 128 and the number of the signal that ended it.</param>
internal readonly record struct RankEnd(int Rank, int Status)
{
    // The program's own exit codes are all at or below this; .NET gives 128 + n for signal n.
    private const int SignalBase = 128;

    /// <summary>The signal that ended it; 0 for none.</summary>
    public int Signal => Status > SignalBase && Status != (int)ExitCode.Interrupted ? Status - SignalBase : 0;

    public bool IsFailure => Status is not ((int)ExitCode.Success or (int)ExitCode.Interrupted);

    /// <summary>Whether starting it again could end otherwise: not where the call is wrong or the machine lacks something.</summary>
    public bool MayPass => Status is not ((int)ExitCode.Usage or (int)ExitCode.MissingDependency);

    /// <summary>The exit code of the program for it.</summary>
    public ExitCode Code => Status is (int)ExitCode.Usage or (int)ExitCode.MissingDependency ? (ExitCode)Status : ExitCode.Failed;

    /// <summary>What happened, as in <c>was killed (SIGKILL)</c>.</summary>
    public string Description => Signal switch
    {
        0 => $"ended with exit code {Status}",
        ChildProcess.Kill => "was killed (SIGKILL)",
        int signal => $"crashed or was ended ({ChildProcess.NameOf(signal)})",
    };

    /// <summary>The rank to blame among those that failed: a signal comes from outside, and an error of one is answered by errors of the others.</summary>
    /// <param name="ends">In the order in which they ended; at least one is a failure.</param>
    public static RankEnd Cause(IReadOnlyList<RankEnd> ends)
    {
        RankEnd? first = null;
        foreach (RankEnd end in ends)
        {
            if (end.Signal != 0)
            {
                return end;
            }

            first ??= end.IsFailure ? end : null;
        }

        return first!.Value;
    }
}
