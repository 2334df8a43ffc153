using GptEngine.Engine.Model;

namespace GptEngine.Engine.Checkpoints;

/// <summary>What a checkpoint holds of the device's memory.</summary>
/// <param name="Parameters">The weights.</param>
/// <param name="FirstMoment">AdamW's m.</param>
/// <param name="SecondMoment">AdamW's v.</param>
public sealed record TrainingTensors(ParameterArena Parameters, ParameterTensors FirstMoment, ParameterTensors SecondMoment);
