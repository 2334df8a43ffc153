namespace GptEngine.Runtime.Simulator.Tensor;

/// <summary>The type of a warpgroup product's operands.</summary>
internal enum ProductType
{
    Half,
    BFloat16,
    TensorFloat32,
}
