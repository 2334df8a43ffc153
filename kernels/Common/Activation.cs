namespace GptEngine.Kernels.Common;

/// <summary>The non-linearity of the MLP.</summary>
public enum Activation
{
    /// <summary>None: a plain linear layer.</summary>
    Identity,

    /// <summary>0.5·x·(1 + tanh(√(2/π)·(x + 0.044715·x³))), Hendrycks and Gimpel 2016.</summary>
    GeluTanh,

    /// <summary>0.5·x·(1 + erf(x/√2)).</summary>
    Gelu,

    /// <summary>max(0, x), with derivative 0 at 0.</summary>
    Relu,
}
