using GptEngine.Engine.Model;
using GptEngine.Engine.Ranks;
using GptEngine.Kernels.Common;
using GptEngine.Runtime.Communication;

namespace GptEngine.Engine.Checkpoints;

/// <summary>What a checkpoint holds of the device's memory.</summary>
/// <param name="Parameters">The weights.</param>
/// <param name="FirstMoment">AdamW's m.</param>
/// <param name="SecondMoment">AdamW's v.</param>
public sealed record TrainingTensors(ParameterArena Parameters, ArenaShard FirstMoment, ArenaShard SecondMoment)
{
    /// <summary>Brings everything up to date after this rank's share was written from outside. Every rank calls it.</summary>
    /// <param name="operations">Where they are.</param>
    /// <param name="collectives">Joins the ranks; null for a process alone.</param>
    public void Complete(IOperations operations, Communicator? collectives)
    {
        Parameters.Complete(operations, collectives);
        if (collectives is not null)
        {
            FirstMoment.Complete(collectives);
            SecondMoment.Complete(collectives);
        }
    }
}
