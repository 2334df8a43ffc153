namespace GptEngine.Runtime.Simulator.Ptx;

/// <summary>Where a variable lives.</summary>
internal enum PtxStateSpace
{
    Generic,
    Global,
    Const,
    Shared,
    Local,
    Param,
}
