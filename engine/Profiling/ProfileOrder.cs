namespace GptEngine.Engine.Profiling;

/// <summary>The order of a profile's rows.</summary>
public enum ProfileOrder
{
    /// <summary>The longest first.</summary>
    Time,

    /// <summary>The most often called first.</summary>
    Calls,

    /// <summary>What must move most first.</summary>
    Bytes,

    /// <summary>What must compute most first.</summary>
    Flops,

    /// <summary>What has most to gain first: time beyond the least.</summary>
    Roofline,

    Name,
}
