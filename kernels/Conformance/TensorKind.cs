namespace GptEngine.Kernels.Conformance;

/// <summary>What type a tensor has on the device at hand.</summary>
public enum TensorKind
{
    /// <summary>The device's storage type.</summary>
    Storage,

    /// <summary>The device's master type.</summary>
    Master,

    /// <summary>fp32 everywhere.</summary>
    Single,

    /// <summary>int32 everywhere.</summary>
    Integer,
}
