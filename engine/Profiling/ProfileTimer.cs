namespace GptEngine.Engine.Profiling;

/// <summary>What times a GPU's work in a profile.</summary>
public enum ProfileTimer
{
    /// <summary>CUPTI where it is there and its records are whole, else events. Both are taken, in a step each, and compared.</summary>
    Auto,

    /// <summary>CUPTI, or nothing.</summary>
    Cupti,

    /// <summary>CUDA events.</summary>
    Events,
}
