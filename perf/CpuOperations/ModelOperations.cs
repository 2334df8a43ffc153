using System;
using System.Collections.Generic;
using GptEngine.Kernels.Common;
using GptEngine.Runtime.Devices;
using GptEngine.Runtime.Memory;

namespace GptEngine.Perf.CpuOperations;

/// <summary>The tensors of one layer, the head and the optimizer of a model, and its operations on them.</summary>
internal sealed unsafe class ModelOperations : IDisposable
{
    private readonly ModelShape _model;
    private readonly double _seconds;
    private readonly IOperations _operations;
    private readonly List<DeviceMemory> _memory = [];
    private readonly Random _random = new(1);
    private readonly Device _device;

    public ModelOperations(CpuDevice device, ModelShape model, double seconds)
    {
        _device = device;
        _model = model;
        _seconds = seconds;
        _operations = Kernels.Common.CpuOperations.Create(device);
    }

    public void Dispose()
    {
        foreach (DeviceMemory memory in _memory)
            memory.Dispose();
        (_operations as IDisposable)?.Dispose();
    }

    /// <summary>Times each operation with the shapes that a step has.</summary>
    public IEnumerable<OperationTiming> Time()
    {
        BindWorkspace();
        foreach (OperationTiming timing in Embedding())
            yield return timing;
        foreach (OperationTiming timing in LayerNorm())
            yield return timing;
        int c = _model.Channels, layers = _model.Layers;
        foreach ((string name, int inputs, int outputs, Activation activation, Activation inputActivation) in new[]
        {
            ("qkv", c, 3 * c, Activation.Identity, Activation.Identity),
            ("projection", c, c, Activation.Identity, Activation.Identity),
            ("up", c, 4 * c, Activation.GeluTanh, Activation.Identity),
            ("down", 4 * c, c, Activation.Identity, Activation.GeluTanh),
        })
        {
            foreach (OperationTiming timing in Linear(name, inputs, outputs, activation, inputActivation, layers))
                yield return timing;
        }

        foreach (OperationTiming timing in Attention())
            yield return timing;
        yield return Head();
        foreach (OperationTiming timing in Optimizer())
            yield return timing;
    }

    private static double Elements(params ReadOnlySpan<long> counts)
    {
        double total = 0;
        foreach (long count in counts)
            total += count;
        return total * sizeof(float);
    }

    private void BindWorkspace()
    {
        var shape = new AttentionShape(_model.Batch, _model.Time, _model.Heads, _model.Channels / _model.Heads);
        long bytes = Math.Max(
            Math.Max(_operations.AttentionBackwardWorkspaceBytes(shape), _operations.LayerNormBackwardWorkspaceBytes(_model.Rows, _model.Channels)),
            Math.Max(
                _operations.CrossEntropyHeadWorkspaceBytes(_model.Rows, _model.Channels, _model.PaddedVocabulary),
                _operations.GradientNormWorkspaceBytes(_model.Parameters)));
        _operations.BindWorkspace(Take("workspace", 0, (bytes + 3) / 4));
        Console.WriteLine($"  workspace {bytes / 1048576.0:F1} MiB");
    }

    private IEnumerable<OperationTiming> Embedding()
    {
        Tensor tokens = Tokens("tokens"), table = Take("table", 0.02f, _model.PaddedVocabulary, _model.Channels);
        Tensor positions = Take("positions", 0.02f, _model.Time, _model.Channels), output = Take("output", 1, _model.Rows, _model.Channels);
        long count = (long)_model.Rows * _model.Channels;
        yield return Measure("embedding forward", 0, Elements(3 * count), 1, () => _operations.EmbeddingForward(tokens, table, positions, output, 0, Dropout.None));
        yield return Measure("embedding backward", 0, Elements(3 * count), 1, () => _operations.EmbeddingBackward(tokens, output, table, null, Dropout.None, true));
        yield return Measure("zero embedding gradient", 0, Elements(table.Count), 1, () => _operations.Zero(table));
    }

    private IEnumerable<OperationTiming> LayerNorm()
    {
        int n = _model.Rows, c = _model.Channels;
        Tensor x = Take("x", 1, n, c), delta = Take("delta", 1, n, c), weight = Take("weight", 1, c), bias = Take("bias", 1, c), y = Take("y", 1, n, c);
        Tensor mean = Take("mean", 0, n), rstd = Take("rstd", 0, n), gradWeight = Take("gradWeight", 0, c), gradBias = Take("gradBias", 0, c);
        Tensor gradSum = Take("gradSum", 1, n, c);
        long count = (long)n * c;
        double calls = (2 * _model.Layers) + 1;
        yield return Measure(
            "layer norm forward", 0, Elements(4 * count), calls, () => _operations.LayerNormForward(x, delta, x, weight, bias, y, mean, rstd, 1e-5f, Dropout.None));
        yield return Measure(
            "layer norm backward", 0, Elements(4 * count), calls,
            () => _operations.LayerNormBackward(y, x, weight, mean, rstd, gradSum, gradWeight, gradBias, null, true, Dropout.None, true));
    }

    private IEnumerable<OperationTiming> Linear(string name, int inputs, int outputs, Activation activation, Activation inputActivation, int layers)
    {
        int n = _model.Rows;
        Tensor x = Take("x", 1, n, inputs), weight = Take("weight", 0.02f, outputs, inputs), bias = Take("bias", 0.02f, outputs);
        Tensor y = Take("y", 1, n, outputs), before = Take("before", 1, n, outputs), gradX = Take("gradX", 1, n, inputs);
        Tensor beforeX = Take("beforeX", 1, n, inputs), gradWeight = Take("gradWeight", 0, outputs, inputs), gradBias = Take("gradBias", 0, outputs);
        double flops = 2.0 * n * inputs * outputs;
        yield return Measure(
            $"{name} forward", flops, 0, layers,
            () => _operations.LinearForward(x, weight, bias, y, activation, activation == Activation.Identity ? null : before));
        yield return Measure(
            $"{name} backward input", flops, 0, layers,
            () => _operations.LinearBackwardInput(y, weight, gradX, inputActivation, inputActivation == Activation.Identity ? null : beforeX));
        yield return Measure($"{name} backward weight", flops, 0, layers, () => _operations.LinearBackwardWeight(y, x, gradWeight, gradBias, true));
    }

    private IEnumerable<OperationTiming> Attention()
    {
        var shape = new AttentionShape(_model.Batch, _model.Time, _model.Heads, _model.Channels / _model.Heads);
        int n = _model.Rows, c = _model.Channels;
        Tensor qkv = Take("qkv", 1, n, 3 * c), output = Take("output", 1, n, c), gradOutput = Take("gradOutput", 1, n, c), gradQkv = Take("gradQkv", 0, n, 3 * c);
        Tensor logSumExp = Take("logSumExp", 0, shape.Batch, shape.Heads, shape.Time);
        Tensor starts = Integers("documentStart", _ => 0);
        // Two products of the visible half of T × T forward, five backward.
        double flops = 2.0 * n * (_model.Time + 1) / 2 * c;
        yield return Measure("attention forward", 2 * flops, 0, _model.Layers, () => _operations.AttentionForward(qkv, starts, output, logSumExp, shape));
        yield return Measure(
            "attention backward", 5 * flops, 0, _model.Layers,
            () => _operations.AttentionBackward(qkv, starts, output, logSumExp, gradOutput, gradQkv, shape));
    }

    private OperationTiming Head()
    {
        int n = _model.Rows, c = _model.Channels, p = _model.PaddedVocabulary;
        Tensor x = Take("x", 1, n, c), weight = Take("weight", 0.02f, p, c), bias = Take("bias", 0, p), targets = Tokens("targets");
        Tensor losses = Take("losses", 0, n), gradX = Take("gradX", 0, n, c), gradWeight = Take("gradWeight", 0, p, c), gradBias = Take("gradBias", 0, p);
        Tensor scalars = Scalars();
        return Measure(
            "cross-entropy head", 6.0 * n * c * _model.Vocabulary, 0, 1,
            () => _operations.CrossEntropyHead(
                x, weight, bias, targets, losses, gradX, gradWeight, gradBias, _model.Vocabulary, 1.0f / n, scalars, false));
    }

    private IEnumerable<OperationTiming> Optimizer()
    {
        long count = _model.Parameters;
        Tensor w = Take("w", 0.02f, count), g = Take("g", 0.001f, count), m = Take("m", 0, count), v = Take("v", 0, count), scalars = Scalars();
        var options = new AdamWOptions(0.9f, 0.95f, 1e-8f, 0.1f, 1.0f);
        yield return Measure("gradient norm", 0, Elements(count), 1, () => _operations.GradientNorm(g, scalars, options));
        yield return Measure("AdamW", 0, Elements(7 * count), 1, () => _operations.AdamW(w, g, m, v, null, count, scalars, options));
    }

    private OperationTiming Measure(string name, double flops, double bytes, double perStep, Action run) =>
        new(name, Floor.Best(_seconds, run), flops, bytes, perStep);

    private Tensor Scalars()
    {
        Tensor scalars = Take("scalars", 0, StepScalars.Count);
        ((float*)scalars.Address)[(int)StepScalar.LossScale] = 1;
        ((float*)scalars.Address)[(int)StepScalar.LearningRate] = 1e-4f;
        return scalars;
    }

    private Tensor Tokens(string name) => Integers(name, random => random.Next(_model.Vocabulary));

    private Tensor Integers(string name, Func<Random, int> value)
    {
        DeviceMemory memory = _device.Allocate((long)_model.Rows * sizeof(int));
        _memory.Add(memory);
        for (int i = 0; i < _model.Rows; i++)
            ((int*)memory.Address)[i] = value(_random);
        return new Tensor(name, DataType.Int32, memory.Address, _model.Batch, _model.Time);
    }

    // Uniform numbers of the given deviation's order; the arithmetic takes the same time for any normal ones.
    private Tensor Take(string name, float scale, params ReadOnlySpan<long> shape)
    {
        var tensor = new Tensor(name, DataType.Float32, 1, shape);
        DeviceMemory memory = _device.Allocate(tensor.Bytes);
        _memory.Add(memory);
        float* values = (float*)memory.Address;
        for (long i = 0; i < tensor.Count; i++)
            values[i] = scale == 0 ? 0 : scale * ((2 * _random.NextSingle()) - 1);
        return new Tensor(name, DataType.Float32, memory.Address, shape);
    }
}
