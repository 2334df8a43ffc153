using System;
using System.Linq;
using GptEngine.Engine.Checkpoints;
using GptEngine.Engine.Configuration;
using GptEngine.Engine.Model;
using GptEngine.Engine.Training;
using GptEngine.Kernels.Common;
using GptEngine.Runtime.Devices;
using GptEngine.Runtime.Memory;

namespace GptEngine.Tests.Model;

/// <summary>A model with one micro-batch in memory, and its numbers in double.</summary>
internal sealed class ModelHarness : IDisposable
{
    private readonly IOperations _operations;
    private readonly PlannedMemory _planned;

    public ModelHarness(ModelConfiguration model, IOperations operations, int batch, ActivationPolicy policy = ActivationPolicy.KeepAll)
    {
        _operations = operations;
        Memory = new TrainingMemory(model, operations, batch, policy, samples: true);
        _planned = new PlannedMemory(operations.Device, Memory.Plan);
        operations.BindWorkspace(Memory.Workspace);
        Transfer = new TensorTransfer(operations.Device);
        Memory.Tables.Fill(Transfer);
        Context = new ModelContext(operations, model, Memory.Parameters.Compute, Memory.Tables);
        Gpt = new GptModel(Context, Memory.Gradients, Memory.Activations, Memory.Batch, Memory.Scalars);
        Transfer.Upload(Memory.Scalars, Memory.Scalars.Count, (_, floats) =>
        {
            floats.Clear();
            floats[(int)StepScalar.LossScale] = 1;
            floats[(int)StepScalar.SeedLow] = BitConverter.UInt32BitsToSingle(11);
        });

        // A pass must overwrite whatever was there.
        foreach (ParameterSpec parameter in Memory.Parameters.Catalogue.Parameters)
        {
            Transfer.Upload(Memory.Gradients[parameter.Name], parameter.MemoryCount, (_, floats) => floats.Fill(float.NaN));
        }
    }

    public TrainingMemory Memory { get; }

    public ModelContext Context { get; }

    public GptModel Gpt { get; }

    public TensorTransfer Transfer { get; }

    public void Load(string folder) => CheckpointStore.LoadWeights(folder, Memory.Parameters, _operations, Transfer);

    /// <summary>Takes the weights of another model of this shape; of a longer context's positions, the first ones.</summary>
    public void CopyWeights(ModelHarness other)
    {
        foreach (ParameterSpec parameter in Memory.Parameters.Catalogue.Parameters)
        {
            double[] weights = other.Read(other.Memory.Parameters.Master[parameter.Name], parameter.Count);
            Transfer.Upload(Memory.Parameters.Master[parameter.Name], parameter.Count, (offset, floats) =>
            {
                for (int i = 0; i < floats.Length; i++)
                {
                    floats[i] = (float)weights[offset + i];
                }
            });
        }

        Memory.Parameters.Complete(_operations);
        _operations.Device.Synchronize();
    }

    public void Initialise(ulong seed) => WeightInitialiser.Initialise(Memory.Parameters, _operations, Transfer, seed);

    public void SetBatch(int[] tokens, int[] targets, int[] documentStarts)
    {
        int rows = (int)Memory.Batch.SequenceIndex.Count;
        int[] all = [.. tokens, .. targets, .. documentStarts, .. Enumerable.Range(0, rows)];
        using PinnedBuffer pinned = _operations.Device.AllocatePinned(Memory.Batch.All.Bytes);
        all.CopyTo(pinned.AsSpan<int>(0, all.Length));
        _operations.Device.Upload(pinned, 0, Memory.Batch.All);
        _operations.Device.Synchronize();
    }

    /// <summary>Mean loss after a pass.</summary>
    public double Loss() => Read(Gpt.Losses).Average();

    public double[] Read(Tensor tensor) => Read(tensor, tensor.Count);

    public double[] Read(Tensor tensor, long count)
    {
        using PinnedBuffer pinned = _operations.Device.AllocatePinned(tensor.Bytes);
        _operations.Device.Download(tensor, pinned, 0);
        _operations.Device.Synchronize();
        return tensor.Type == DataType.Float64
            ? pinned.AsSpan<double>(0, (int)count).ToArray()
            : Array.ConvertAll(pinned.AsSpan<float>(0, (int)count).ToArray(), x => (double)x);
    }

    /// <summary>Adds to one master weight; fp64 only.</summary>
    public unsafe void Nudge(string parameter, long element, double by) => ((double*)Memory.Parameters.Master[parameter].Address)[element] += by;

    public void Dispose()
    {
        Transfer.Dispose();
        _planned.Dispose();
    }
}
