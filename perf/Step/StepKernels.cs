using System;
using GptEngine.Engine.Configuration;
using GptEngine.Engine.Model;
using GptEngine.Kernels.Common;
using GptEngine.Kernels.GradientNorm;
using GptEngine.Kernels.LayerNorm;
using GptEngine.Perf.MachineCode;
using GptEngine.Runtime.Cuda;
using GptEngine.Runtime.Memory;

namespace GptEngine.Perf.Step;

/// <summary>The bytes that a step's kernels must move, by their headers' statements. What of that a launch does not say itself, the model does.</summary>
/// <param name="step">The step.</param>
internal sealed class StepKernels(RecordedStep step)
{
    private readonly ModelConfiguration _model = step.Configuration.Model;
    private readonly double _width = step.Storage.SizeInBytes();
    private readonly double _rows = (double)step.Configuration.Training.MicroBatch! * step.Configuration.Model.ContextLength;
    private readonly double _parameters = new ParameterCatalogue(step.Configuration.Model).ParameterCount;

    /// <summary>What a kernel's launch moves; null for attention and for what is no kernel of ours.</summary>
    public MemoryKernel? Of(StepLaunch launch)
    {
        if (launch.Shape is not { } shape || launch.Part == "Attention" || !step.Kernels.TryGetValue(launch.Name, out KernelInstance? kernel))
        {
            return null;
        }

        (double loads, double stores, double cached) = BytesOf(launch, shape.Grid, kernel);
        return new MemoryKernel(kernel, shape.Grid.Count, loads, stores)
        {
            CachedBlockBytes = cached,
            IsCachedLast = !IsOf(launch, "layer_norm_backward"),
            ReadsScalars = IsOf(launch, "adamw") || IsOf(launch, "cross_entropy"),
        };
    }

    // Loaded and stored over the grid, and of a block's loads what a cache has.
    private (double Loads, double Stores, double Cached) BytesOf(StepLaunch launch, GridSize grid, KernelInstance kernel)
    {
        double row = _model.DModel * _width;
        double all = _rows * row;
        double result = launch.Product is { } product ? product.Rows * product.Columns * _width : 0;
        double slices = Math.Min(grid.Count, _rows);
        return launch.Name.Split('<')[0] switch
        {
            "activation_forward" => (result, result, 0),
            "activation_backward" => (2 * result, result, 0),
            "adamw" => (16 * _parameters, (12 + _width) * _parameters, 0),
            "bias_gradient_partials" => (launch.Product!.Value.Depth * launch.Product.Value.Rows * _width, launch.Product.Value.Rows * 4 * grid.Y, 0),
            "bias_gradient_reduce" => (launch.Product!.Value.Rows * 4 * Math.Ceiling(launch.Product.Value.Depth / 128.0), 4 * launch.Product.Value.Rows, 0),
            "cross_entropy_resident" => (grid.X * ((_model.PaddedVocabSize * _width) + 8), grid.X * ((_model.PaddedVocabSize * _width) + 4), 0),
            "embedding_forward" => (all + (4 * _rows), all, row * kernel.BlockY),
            "embedding_order" => (4 * _rows, 8 * _rows, 4 * _rows * kernel.BlockX),
            "embedding_backward" => (all + (12 * _rows), 8 * Math.Min(_rows, _model.VocabSize) * _model.DModel, 0),
            "gradient_norm_finish" => (GradientNormLauncher.WorkspaceBytes((long)_parameters), 20, 0),
            "gradient_norm_partials" => (4 * _parameters, 4 * grid.X, 0),
            "layer_norm_backward_reduce" => (LayerNormLauncher.BackwardWorkspaceBytes((long)_rows, _model.DModel), 8 * _model.DModel, 0),
            "layer_norm_backward_resident" => ((3 * all) + (8 * _rows), all + (8 * _model.DModel * slices), row * kernel.BlockY),
            "layer_norm_forward_resident" => ((2 * all), (2 * all) + (8 * _rows), 2 * row * _rows / grid.Count),
            "sum_losses" => (4 * _rows, 4, 0),
            string other => throw new NotSupportedException($"What {other} moves is not told. Add it here."),
        };
    }

    private static bool IsOf(StepLaunch launch, string prefix) => launch.Name.StartsWith(prefix, StringComparison.Ordinal);
}
