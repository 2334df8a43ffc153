using System;
using GptEngine.Kernels.Embedding;
using GptEngine.Kernels.LayerNorm;
using GptEngine.Kernels.Linear;
using GptEngine.Kernels.Rotary;
using GptEngine.Runtime.Cpu;
using GptEngine.Runtime.Cpu.Gemm;
using GptEngine.Runtime.Devices;
using GptEngine.Runtime.Memory;

namespace GptEngine.Kernels.Common.Cpu;

/// <summary>The operations on the CPU with vectors of one width: checks arguments, and hands pointers and ranges to each operation's code.</summary>
internal sealed unsafe partial class CpuOperations<V> : IOperations, IDisposable
    where V : unmanaged, ISimd<V>
{
    private readonly CpuDevice _device;
    private readonly CpuThreadPool _pool;
    private readonly CpuGemm _gemm;
    private readonly WorkerScratch _scratch;
    private readonly OperationChecks _checks = new(DataType.Float32, DataType.Float32);
    private Tensor? _workspace;

    public CpuOperations(CpuDevice device)
    {
        _device = device;
        _pool = device.Pool;
        _gemm = new CpuGemm(_pool, device.Isa);
        _scratch = new WorkerScratch(_pool.ThreadCount);
    }

    public Device Device => _device;

    public DataType Storage => DataType.Float32;

    public DataType Master => DataType.Float32;

    public void Dispose()
    {
        _gemm.Dispose();
        _scratch.Dispose();
    }

    public void BindWorkspace(Tensor workspace)
    {
        ArgumentNullException.ThrowIfNull(workspace);
        _workspace = workspace;
    }

    public void Zero(Tensor destination) =>
        _pool.Run(ZeroCpu.ItemsOf(destination.Bytes), new ZeroCpu((byte*)destination.Address, destination.Bytes));

    public void Cast(Tensor source, Tensor destination)
    {
        OperationChecks.Cast(source, destination);
        _pool.Run(CastCpu.ItemsOf(source.Count), new CastCpu((void*)source.Address, source.Type, (void*)destination.Address, destination.Type, source.Count));
    }

    public void EmbeddingForward(
        Tensor tokens, Tensor tokenEmbedding, Tensor? positionEmbedding, Tensor output, int firstPosition, in Dropout dropout)
    {
        _checks.EmbeddingForward(tokens, tokenEmbedding, positionEmbedding, output, firstPosition, dropout);
        _pool.Run(
            Count(tokens.Count),
            new EmbeddingCpu<V>.Forward(
                Ints(tokens), Floats(tokenEmbedding), FloatsOrNull(positionEmbedding), Floats(output), Count(tokens[1]), Count(output[1]),
                firstPosition, new DropoutMask(dropout, tokens.Count), _scratch));
    }

    public void EmbeddingBackward(
        Tensor tokens, Tensor gradOutput, Tensor gradTokenEmbedding, Tensor? gradPositionEmbedding, in Dropout dropout, bool accumulate)
    {
        _checks.EmbeddingBackward(tokens, gradOutput, gradTokenEmbedding, gradPositionEmbedding, dropout);
        int channels = Count(gradOutput[1]), rows = Count(tokens.Count);
        float* multipliers = null;
        if (dropout.IsActive)
        {
            multipliers = Workspace(EmbeddingBackwardWorkspaceBytes(rows, channels, 0));
            _pool.Run(rows, new EmbeddingCpu<V>.Multipliers(new DropoutMask(dropout, rows), channels, multipliers));
        }

        // A cache line of channels is the least that two workers can own apart.
        _pool.Run(
            channels,
            new EmbeddingCpu<V>.Backward(
                Ints(tokens), Floats(gradOutput), Floats(gradTokenEmbedding), FloatsOrNull(gradPositionEmbedding), rows, Count(tokens[1]), channels,
                gradPositionEmbedding?[0] ?? 0, multipliers, accumulate),
            multiple: 16);
    }

    public long EmbeddingBackwardWorkspaceBytes(long rows, long channels, long paddedVocabulary) => rows * channels * sizeof(float);

    public void LayerNormForward(
        Tensor x, Tensor? delta, Tensor? sum, Tensor weight, Tensor bias, Tensor y, Tensor mean, Tensor rstd, float epsilon, in Dropout dropout)
    {
        _checks.LayerNormForward(x, delta, sum, weight, bias, y, mean, rstd, epsilon, dropout);
        _pool.Run(
            Count(x[0]),
            new LayerNormCpu<V>.Forward(
                Floats(x), FloatsOrNull(delta), FloatsOrNull(sum), Floats(weight), Floats(bias), Floats(y), Floats(mean), Floats(rstd), Count(x[1]),
                epsilon, new DropoutMask(dropout, x[0]), _scratch));
    }

    public void LayerNormBackward(
        Tensor gradY, Tensor sum, Tensor weight, Tensor mean, Tensor rstd, Tensor gradSum, Tensor gradWeight, Tensor gradBias, Tensor? gradDelta,
        bool accumulateGradSum, in Dropout dropout, bool accumulate)
    {
        _checks.LayerNormBackward(gradY, sum, weight, mean, rstd, gradSum, gradWeight, gradBias, gradDelta, dropout);
        long rows = gradY[0];
        int channels = Count(gradY[1]), blocks = LayerNormCpu<V>.BlocksOf(rows);
        float* partials = Workspace(LayerNormBackwardWorkspaceBytes(rows, channels));
        _pool.RunDynamic(
            blocks,
            new LayerNormCpu<V>.Backward(
                Floats(gradY), Floats(sum), Floats(weight), Floats(mean), Floats(rstd), Floats(gradSum), FloatsOrNull(gradDelta), partials, rows,
                channels, blocks, accumulateGradSum, new DropoutMask(dropout, rows), _scratch));
        _pool.Run(channels, new LayerNormCpu<V>.Reduce(partials, blocks, channels, Floats(gradWeight), Floats(gradBias), accumulate), multiple: 16);
    }

    public long LayerNormBackwardWorkspaceBytes(long rows, long channels) => 2L * LayerNormCpu<V>.BlocksOf(rows) * channels * sizeof(float);

    public void LinearForward(Tensor x, Tensor weight, Tensor? bias, Tensor y, Activation activation, Tensor? preActivation)
    {
        _checks.LinearForward(x, weight, bias, y, activation, preActivation);
        int rows = Count(x[0]), inputs = Count(x[1]), outputs = Count(weight[0]);
        if (rows <= RowProductCpu<V>.MaxRows)
        {
            _pool.Run(
                outputs,
                new RowProductCpu<V>(
                    Floats(x), Floats(weight), FloatsOrNull(bias), Floats(y), FloatsOrNull(preActivation), rows, inputs, outputs, activation),
                multiple: 16);
            return;
        }

        _gemm.Multiply(
            rows, outputs, inputs, Floats(x), inputs, false, Floats(weight), inputs, true,
            new ForwardEpilogue<V>(FloatsOrNull(bias), Floats(y), FloatsOrNull(preActivation), outputs, activation));
    }

    public void LinearBackwardInput(Tensor gradY, Tensor weight, Tensor gradX, Activation activation, Tensor? preActivation)
    {
        _checks.LinearBackwardInput(gradY, weight, gradX, activation, preActivation);
        int rows = Count(gradY[0]), inputs = Count(weight[1]), outputs = Count(weight[0]);
        _gemm.Multiply(
            rows, inputs, outputs, Floats(gradY), outputs, false, Floats(weight), inputs, false,
            new InputGradientEpilogue<V>(Floats(gradX), FloatsOrNull(preActivation), inputs, activation));
    }

    public void LinearBackwardWeight(Tensor gradY, Tensor x, Tensor gradWeight, Tensor? gradBias, bool accumulate)
    {
        _checks.LinearBackwardWeight(gradY, x, gradWeight, gradBias);
        int rows = Count(gradY[0]), inputs = Count(x[1]), outputs = Count(gradY[1]);
        var epilogue = new StoreEpilogue(Floats(gradWeight), inputs, 1, accumulate ? 1 : 0);
        var right = new ColumnMajorLines(Floats(x), inputs);
        if (gradBias is null)
            _gemm.Multiply(outputs, inputs, rows, new ColumnMajorLines(Floats(gradY), outputs), right, epilogue);
        else
            _gemm.Multiply(outputs, inputs, rows, new BiasSumLines<V>(Floats(gradY), outputs, Floats(gradBias), accumulate), right, epilogue);
    }

    public long LinearWorkspaceBytes(long rows, long inputs, long outputs) => 0;

    public void Rotary(Tensor qkv, Tensor cosine, Tensor sine, in AttentionShape shape, int firstPosition, bool inverse)
    {
        _checks.Rotary(qkv, cosine, sine, shape, firstPosition);
        _pool.Run(Count(shape.Rows), new RotaryCpu<V>(Floats(qkv), Floats(cosine), Floats(sine), shape, firstPosition, inverse));
    }

    private static float* Floats(Tensor tensor) => (float*)tensor.Address;

    private static float* FloatsOrNull(Tensor? tensor) => tensor is null ? null : (float*)tensor.Address;

    private static int* Ints(Tensor tensor) => (int*)tensor.Address;

    private static int Count(long value) => checked((int)value);

    private float* Workspace(long bytes)
    {
        if (_workspace is null || _workspace.Bytes < bytes)
        {
            throw new InvalidOperationException(
                $"The operation needs {bytes} bytes of workspace, but {_workspace?.Bytes ?? 0} are bound: bind the largest of the workspaces asked for.");
        }

        return (float*)_workspace.Address;
    }
}
