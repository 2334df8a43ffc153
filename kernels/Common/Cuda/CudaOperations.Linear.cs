using System;
using GptEngine.Kernels.Linear;
using GptEngine.Kernels.Profiling;
using GptEngine.Runtime.Cuda;
using GptEngine.Runtime.Memory;
using static GptEngine.Kernels.Common.KernelQueue;

namespace GptEngine.Kernels.Common.Cuda;

/// <content>Linear layers, the head and its loss, sampling.</content>
public sealed partial class CudaOperations
{
    public void LinearForward(Tensor x, Tensor weight, Tensor? bias, Tensor y, Activation activation, Tensor? preActivation)
    {
        _checks.LinearForward(x, weight, bias, y, activation, preActivation);
        MatrixProduct product = Forward(x, weight, bias is null ? MatrixEpilogue.None : MatrixEpilogue.Bias);
        MatrixProduct fused = product with { Epilogue = MatrixEpilogue.GeluTanh };
        if (activation == Activation.GeluTanh && bias is not null
            && _products.Prefers(fused, product, _epilogues.For(product.Rows, product.Columns).GeluForward))
        {
            Multiply(
                fused, new(PointerTo(x), PointerTo(weight), PointerTo(y), PointerTo(bias), PointerTo(preActivation)));
            return;
        }

        // Without an activation z is y; where z is not asked for, the activation is applied in place.
        Tensor z = preActivation ?? y;
        Multiply(product, new(PointerTo(x), PointerTo(weight), PointerTo(z), PointerTo(bias)));
        if (activation != Activation.Identity)
        {
            _activation[(int)activation].Forward(z, y);
        }
        else if (preActivation is not null)
        {
            _queue.Copy(z, y);
        }
    }

    public void LinearBackwardInput(Tensor gradY, Tensor weight, Tensor gradX, Activation activation, Tensor? preActivation)
    {
        _checks.LinearBackwardInput(gradY, weight, gradX, activation, preActivation);
        var product = new MatrixProduct(gradY[0], weight[1], weight[0], false, false, Storage, Storage);
        bool replaces = preActivation is not null && preActivation.Address == gradX.Address;
        MatrixProduct fused = product with { Epilogue = MatrixEpilogue.GeluTanhGradient };
        if (activation == Activation.GeluTanh && !replaces
            && _products.Prefers(fused, product, _epilogues.For(product.Rows, product.Columns).GeluBackward))
        {
            Multiply(fused, new(PointerTo(gradY), PointerTo(weight), PointerTo(gradX), Sum: PointerTo(preActivation)));
            return;
        }

        DevicePointer gradient = replaces ? _workspace.Own(gradX.Bytes) : PointerTo(gradX);
        Multiply(product, new(PointerTo(gradY), PointerTo(weight), gradient));
        if (preActivation is not null)
        {
            _activation[(int)activation].Backward(gradient, preActivation, gradX);
        }
    }

    public void LinearBackwardWeight(Tensor gradY, Tensor x, Tensor gradWeight, Tensor? gradBias, bool accumulate)
    {
        _checks.LinearBackwardWeight(gradY, x, gradWeight, gradBias);
        WeightGradient(
            PointerTo(gradY), PointerTo(x), PointerTo(gradWeight), PointerTo(gradBias), gradY[0], x[1], gradY[1], accumulate, ownOffset: 0);
    }

    /// <summary>The larger of the bias gradient's partial sums and a gradient that cannot go straight to where the activation's argument is.</summary>
    public long LinearWorkspaceBytes(long rows, long inputs, long outputs) => _workspace.BytesFor(
        Math.Max(BiasGradientLauncher.WorkspaceBytes(rows, outputs), rows * inputs * Storage.SizeInBytes()));

    public void CrossEntropyHead(
        Tensor x, Tensor weight, Tensor? bias, Tensor targets, Tensor losses, Tensor? gradX, Tensor? gradWeight, Tensor? gradBias,
        int vocabulary, float gradientScale, Tensor scalars, bool accumulate)
    {
        _checks.CrossEntropyHead(x, weight, bias, targets, losses, gradX, gradWeight, gradBias, vocabulary, scalars);
        long channels = x[1];
        long padded = weight[0];
        long rowsPerChunk = HeadRows(x[0], padded);
        DevicePointer logits = _workspace.Own(HeadBytes(x[0], padded));
        if (_head is null || !_head.AreOf(x, targets, losses, logits))
        {
            _head = new HeadChunks(x, targets, losses, padded, logits, rowsPerChunk);
        }

        long rowBytes = channels * Storage.SizeInBytes();
        foreach (HeadChunks.Chunk chunk in _head.Chunks)
        {
            long rows = chunk.Logits[0];
            DevicePointer input = PointerTo(x) + (chunk.FirstRow * rowBytes);
            var product = new MatrixProduct(
                rows, padded, channels, false, true, Storage, Storage, false, bias is null ? MatrixEpilogue.None : MatrixEpilogue.Bias);
            Multiply(product, new(input, PointerTo(weight), logits, PointerTo(bias)));
            _crossEntropy[(int)padded].Launch(
                chunk.Logits, chunk.Targets, chunk.Losses, vocabulary, gradientScale, scalars, gradient: gradX is not null);
            if (gradX is null)
            {
                continue;
            }

            // The weights' gradient first: gradX may lie where x is.
            WeightGradient(
                logits, input, PointerTo(gradWeight), PointerTo(gradBias), rows, channels, padded, accumulate || chunk.FirstRow > 0,
                ownOffset: rowsPerChunk * padded * Storage.SizeInBytes());
            Multiply(
                new MatrixProduct(rows, channels, padded, false, false, Storage, Storage),
                new(logits, PointerTo(weight), PointerTo(gradX) + (chunk.FirstRow * rowBytes)));
        }
    }

    public long CrossEntropyHeadWorkspaceBytes(long rows, long channels, long paddedVocabulary) =>
        _workspace.BytesFor(HeadBytes(rows, paddedVocabulary));

    public void SumLosses(Tensor losses, Tensor scalars, float scale, bool accumulate) =>
        _sumLosses.Value.Launch(losses, scalars, scale, accumulate);

    public void Sample(Tensor logits, Tensor ids, int vocabulary, long position, in SamplingOptions options) =>
        _sampling.Value.Launch(logits, ids, vocabulary, position, options);

    public long SampleWorkspaceBytes(long batch, long paddedVocabulary) => 0;

    private void Multiply(in MatrixProduct product, in MatrixOperands operands)
    {
        _queue.Observer?.BeginLaunch();
        _products.Multiply(product, operands, _workspace.Products);
        _queue.Observer?.EndLaunch(NameOf(product), OperationCosts.Product, null, new KernelCost(product.Bytes, product.Flops));
    }

    private static string NameOf(in MatrixProduct product)
    {
        string name = product.ToString();
        return product.Epilogue == MatrixEpilogue.None ? name[..name.LastIndexOf(',')] : name;
    }

    private MatrixProduct Forward(Tensor x, Tensor weight, MatrixEpilogue epilogue) =>
        new(x[0], weight[0], x[1], false, true, Storage, Storage, false, epilogue);

    private void WeightGradient(
        DevicePointer gradY, DevicePointer x, DevicePointer gradWeight, DevicePointer gradBias, long rows, long inputs, long outputs,
        bool accumulate, long ownOffset)
    {
        var product = new MatrixProduct(outputs, inputs, rows, true, false, Storage, Master, accumulate);
        MatrixProduct fused = product with { Epilogue = MatrixEpilogue.BiasGradient };
        if (gradBias != default && _products.Prefers(fused, product, _epilogues.For(rows, outputs).BiasGradient))
        {
            // The library's sums overwrite.
            DevicePointer sums = accumulate ? _workspace.Own(ownOffset + (outputs * sizeof(float))) + ownOffset : gradBias;
            Multiply(fused, new(gradY, x, gradWeight, sums));
            if (accumulate)
            {
                _biasGradient.Value.Add(sums, outputs, gradBias);
            }

            return;
        }

        Multiply(product, new(gradY, x, gradWeight));
        if (gradBias != default)
        {
            DevicePointer partials = _workspace.Own(ownOffset + BiasGradientLauncher.WorkspaceBytes(rows, outputs)) + ownOffset;
            _biasGradient.Value.Launch(gradY, rows, outputs, gradBias, accumulate, partials);
        }
    }

    /// <summary>Rows of a chunk of logits: all, or as many as the scratch allows, cut evenly in multiples of 64.</summary>
    private long HeadRows(long rows, long padded)
    {
        const long Multiple = 64;
        long most = Math.Max(1, _logitBytes / (padded * Storage.SizeInBytes()));
        long chunks = DeviceTypes.CeilingDivide(rows, most);
        long even = DeviceTypes.CeilingDivide(rows, chunks);
        return chunks == 1 || most < Multiple
            ? Math.Min(rows, most)
            : Math.Min(DeviceTypes.CeilingDivide(even, Multiple), most / Multiple) * Multiple;
    }

    private long HeadBytes(long rows, long padded)
    {
        long chunk = HeadRows(rows, padded);
        return (chunk * padded * Storage.SizeInBytes()) + BiasGradientLauncher.WorkspaceBytes(chunk, padded);
    }
}
