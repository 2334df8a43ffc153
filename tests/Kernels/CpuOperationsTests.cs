using System;
using System.Collections.Generic;
using System.Linq;
using GptEngine.Kernels.Common;
using GptEngine.Runtime.Devices;
using GptEngine.Runtime.Memory;
using NUnit.Framework;

namespace GptEngine.Tests.Kernels;

/// <summary>What the CPU's operations promise beyond the conformance suite: the same bits for any number of threads, and no allocation.</summary>
public sealed unsafe class CpuOperationsTests
{
    private const int Batch = 2;
    private const int Time = 97;
    private const int Heads = 2;
    private const int HeadSize = 24;
    private const int Channels = Heads * HeadSize;
    private const int Rows = Batch * Time;
    private const int Vocabulary = 1000;
    private const int Padded = 1024;

    [Test]
    public void Operations_AnyThreads_SameBits()
    {
        byte[] expected = Results(threads: 1);
        foreach (int threads in new[] { 2, 3 })
            Assert.That(Results(threads).AsSpan().SequenceEqual(expected), $"{threads} threads");
    }

    [Test]
    public void Operations_AfterTheFirstCall_AllocateNothing()
    {
        using var device = new CpuDevice(2);
        IOperations operations = CpuOperations.Create(device);
        using IDisposable owned = (IDisposable)operations;
        using var memory = new Tensors(device);
        memory.BindWorkspace(operations);
        memory.RunAll(operations);
        long before = GC.GetAllocatedBytesForCurrentThread();
        memory.RunAll(operations);
        Assert.That(GC.GetAllocatedBytesForCurrentThread() - before, Is.Zero);
    }

    private static byte[] Results(int threads)
    {
        using var device = new CpuDevice(threads);
        IOperations operations = CpuOperations.Create(device);
        using IDisposable owned = (IDisposable)operations;
        using var memory = new Tensors(device);
        memory.BindWorkspace(operations);
        memory.RunAll(operations);
        return memory.Results();
    }

    private sealed class Tensors : IDisposable
    {
        private readonly CpuDevice _device;
        private readonly List<DeviceMemory> _blocks = [];
        private readonly List<Tensor> _outputs = [];
        private readonly AttentionShape _shape = new(Batch, Time, Heads, HeadSize);
        private readonly Random _random = new(5);
        private readonly Tensor _tokens, _starts, _x, _delta, _weight, _bias, _y, _mean, _rstd, _gradWeight, _gradBias, _qkv, _attended, _logSumExp;
        private readonly Tensor _gradQkv, _head, _headBias, _losses, _gradX, _gradHead, _gradHeadBias, _scalars, _up, _upBias, _hidden, _before, _gradUp, _gradUpBias, _first, _second;

        public Tensors(CpuDevice device)
        {
            _device = device;
            _tokens = Integers("tokens", Vocabulary);
            _starts = Integers("starts", 1);
            _x = Floats("x", Rows, Channels);
            _delta = Floats("delta", Rows, Channels);
            _weight = Floats("weight", Channels);
            _bias = Floats("bias", Channels);
            _y = Floats("y", Rows, Channels);
            _mean = Floats("mean", Rows);
            _rstd = Floats("rstd", Rows);
            _gradWeight = Floats("gradWeight", Channels);
            _gradBias = Floats("gradBias", Channels);
            _qkv = Floats("qkv", Rows, 3 * Channels);
            _attended = Floats("attended", Rows, Channels);
            _logSumExp = Floats("logSumExp", Batch, Heads, Time);
            _gradQkv = Floats("gradQkv", Rows, 3 * Channels);
            _head = Floats("head", Padded, Channels);
            _headBias = Floats("headBias", Padded);
            _losses = Floats("losses", Rows);
            _gradX = Floats("gradX", Rows, Channels);
            _gradHead = Floats("gradHead", Padded, Channels);
            _gradHeadBias = Floats("gradHeadBias", Padded);
            _scalars = Floats("scalars", StepScalars.Count);
            _up = Floats("up", 4 * Channels, Channels);
            _upBias = Floats("upBias", 4 * Channels);
            _hidden = Floats("hidden", Rows, 4 * Channels);
            _before = Floats("before", Rows, 4 * Channels);
            _gradUp = Floats("gradUp", 4 * Channels, Channels);
            _gradUpBias = Floats("gradUpBias", 4 * Channels);
            _first = Floats("first", 4 * Channels);
            _second = Floats("second", 4 * Channels);
            var second = new Span<float>((void*)_second.Address, 4 * Channels);
            for (int i = 0; i < second.Length; i++)
                second[i] *= second[i];
            var scalars = new Span<float>((void*)_scalars.Address, StepScalars.Count);
            scalars[(int)StepScalar.LossScale] = 1;
            scalars[(int)StepScalar.LearningRate] = 1e-3f;
        }

        public void BindWorkspace(IOperations operations)
        {
            long bytes = new[]
            {
                operations.AttentionBackwardWorkspaceBytes(_shape),
                operations.LayerNormBackwardWorkspaceBytes(Rows, Channels),
                operations.CrossEntropyHeadWorkspaceBytes(Rows, Channels, Padded),
                operations.GradientNormWorkspaceBytes(Padded * Channels),
            }.Max();
            DeviceMemory block = _device.Allocate(bytes);
            _blocks.Add(block);
            operations.BindWorkspace(new Tensor("workspace", DataType.Float32, block.Address, bytes / sizeof(float)));
        }

        public void RunAll(IOperations operations)
        {
            var options = new AdamWOptions(0.9f, 0.95f, 1e-8f, 0.1f, 1);
            var dropout = Dropout.None;
            operations.EmbeddingForward(_tokens, _head, null, _x, 0, dropout);
            operations.LayerNormForward(_x, _delta, _x, _weight, _bias, _y, _mean, _rstd, 1e-5f, dropout);
            operations.AttentionForward(_qkv, _starts, _attended, _logSumExp, _shape);
            operations.LinearForward(_y, _up, _upBias, _hidden, Activation.GeluTanh, _before);
            operations.CrossEntropyHead(
                _y, _head, _headBias, _tokens, _losses, _gradX, _gradHead, _gradHeadBias, Vocabulary, 1.0f / Rows, _scalars, accumulate: false);
            operations.SumLosses(_losses, _scalars, 1.0f / Rows, accumulate: false);
            operations.LinearBackwardWeight(_hidden, _y, _gradUp, _gradUpBias, accumulate: true);
            operations.LinearBackwardInput(_hidden, _up, _y, Activation.Identity, null);
            operations.AttentionBackward(_qkv, _starts, _attended, _logSumExp, _gradX, _gradQkv, _shape);
            operations.LayerNormBackward(_gradX, _x, _weight, _mean, _rstd, _y, _gradWeight, _gradBias, null, true, dropout, true);
            operations.EmbeddingBackward(_tokens, _gradX, _gradHead, null, dropout, accumulate: true);
            Tensor gradients = _gradUpBias;
            operations.GradientNorm(gradients, _scalars, options);
            operations.AdamW(_upBias, gradients, _first, _second, null, gradients.Count, _scalars, options);
        }

        public byte[] Results() =>
            [.. _outputs.SelectMany(t => new ReadOnlySpan<byte>((void*)t.Address, (int)t.Bytes).ToArray())];

        public void Dispose() => _blocks.ForEach(b => b.Dispose());

        private Tensor Integers(string name, int limit)
        {
            Tensor tensor = Take(name, DataType.Int32, Batch, Time);
            for (int i = 0; i < Rows; i++)
                ((int*)tensor.Address)[i] = _random.Next(limit);
            return tensor;
        }

        private Tensor Floats(string name, params ReadOnlySpan<long> shape)
        {
            Tensor tensor = Take(name, DataType.Float32, shape);
            _outputs.Add(tensor);
            for (long i = 0; i < tensor.Count; i++)
                ((float*)tensor.Address)[i] = (2 * _random.NextSingle()) - 1;
            return tensor;
        }

        private Tensor Take(string name, DataType type, params ReadOnlySpan<long> shape)
        {
            long count = 1;
            foreach (long size in shape)
                count *= size;
            DeviceMemory block = _device.Allocate(count * type.SizeInBytes());
            _blocks.Add(block);
            return new Tensor(name, type, block.Address, shape);
        }
    }
}
