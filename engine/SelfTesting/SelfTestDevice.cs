namespace GptEngine.Engine.SelfTesting;

/// <summary>What kind of device is under test; it decides what is run.</summary>
public enum SelfTestDevice
{
    /// <summary>The processor: fp32, no kernels, no graphs.</summary>
    Cpu,

    /// <summary>A GPU: everything.</summary>
    Gpu,

    /// <summary>A simulated GPU: small sizes and few steps, and no rates, for its time says nothing.</summary>
    Simulated,
}
