namespace GptEngine.Engine.Model;

/// <summary>How a parameter starts.</summary>
public enum ParameterInit
{
    /// <summary>Biases, and the shift of a norm.</summary>
    Zero,

    /// <summary>The scale of a norm.</summary>
    One,

    /// <summary>normal(0, 0.02).</summary>
    Normal,

    /// <summary>normal(0, 0.02 / √(2·L)): the projections into the residual stream (Radford et al. 2019, section 2.3).</summary>
    ResidualNormal,
}
