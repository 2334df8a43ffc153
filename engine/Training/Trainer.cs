using System;
using System.Collections.Generic;
using GptEngine.Engine.Checkpoints;
using GptEngine.Engine.Configuration;
using GptEngine.Engine.Evaluation;
using GptEngine.Engine.Generation;
using GptEngine.Engine.Model;
using GptEngine.Engine.Optimization;
using GptEngine.Engine.Ranks;
using GptEngine.Kernels.Common;
using GptEngine.Runtime.Communication;
using GptEngine.Runtime.Devices;
using GptEngine.Runtime.Memory;

namespace GptEngine.Engine.Training;

/// <summary>
/// The optimizer step on one device: micro-steps, gradient norm, AdamW, as captured units of work. Which step it is, and on what data,
/// is the caller's business. A step allocates nothing managed and never waits for the device but to read an earlier step's results.
/// </summary>
internal sealed class Trainer : IDisposable
{
    // A power of two far above what fp16 gradients need, and below what overflows at once; halved on the first bad steps.
    private const float FirstLossScale = 65536;

    private static readonly RangeName StepRange = new(RangeKind.Step, "step");
    private static readonly RangeName MicroStepRange = new(RangeKind.MicroStep, "micro-step");
    private static readonly RangeName UpdateRange = new(RangeKind.Update, "update");

    private readonly IOperations _operations;
    private readonly Communicator? _collectives;
    private readonly int _microSteps;
    private readonly ulong _seed;
    private readonly PlannedMemory _memory;
    private readonly StepScalarTransfer _scalars;
    private readonly StepWork _work;
    private readonly StreamLoss _loss;
    private readonly Generator _generator;
    private readonly List<IDisposable> _registrations = [];
    private bool _areWeightsWhole = true;
    private double _ownSeconds;

    public Trainer(RunConfiguration configuration, in BatchPlan batch, IOperations operations, RankGroup? group)
    {
        _operations = operations;
        _collectives = group?.Collectives;
        _microSteps = batch.MicroSteps;
        _seed = configuration.Training.Seed;
        IsLossScaled = configuration.Training.Precision == Precision.Fp16;
        RankLayout? layout = group is null ? null : RankLayout.From(configuration.Training, group.Rank, group.WorldSize);
        Kept = ActivationChoice.Agreed(configuration, batch.MicroBatch, operations, layout, new RankAgreement(group));
        Memory = new TrainingMemory(configuration.Model, operations, batch.MicroBatch, Kept.Policy, samples: true, layout);
        _memory = new PlannedMemory(operations.Device, Memory.Plan);
        try
        {
            operations.BindWorkspace(Memory.Workspace);
            Transfer = new TensorTransfer(operations.Device);
            Memory.Tables.Fill(Transfer);
            var context = new ModelContext(operations, configuration.Model, Memory.Parameters.Compute, Memory.Tables);
            var model = new GptModel(context, Memory.Gradients, Memory.Activations, Memory.Batch, Memory.Scalars);
            _scalars = new StepScalarTransfer(operations.Device, Memory.AllScalars, group?.Rank ?? 0);
            _scalars.WriteState(IsLossScaled ? FirstLossScale : 1, 0, 0);
            GradientReduction? reduction = _collectives is null
                ? null
                : new GradientReduction(
                    operations, _collectives, Memory.Parameters.Map, Memory.Gradients.Arena, Memory.ReducedGradients, Memory.SummedScalars);
            WeightGathering? gathering = layout is { ShardsOptimizer: true } ? new WeightGathering(Memory.Parameters, _collectives!) : null;
            Register(isGathered: gathering is not null);
            var update = new WeightUpdate(operations, Memory, Options(configuration.Optimizer), _collectives, gathering);
            _work = new StepWork(operations.Device, model, update, reduction, gathering, batch);
            _loss = new StreamLoss(operations, model, Memory.Batch);
            _generator = new Generator(new InferenceModel(context, Memory.Inference!));
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>What is kept for the backward pass.</summary>
    public ActivationChoice Kept { get; }

    public TrainingMemory Memory { get; }

    /// <summary>For weights and moments outside of steps.</summary>
    public TensorTransfer Transfer { get; }

    /// <summary>Loss over a validation stream with the weights as they are, between steps and behind <see cref="CompleteWeights"/>.</summary>
    public StreamLoss Loss => WithWholeWeights(_loss);

    /// <summary>Generates with the weights as they are, between steps and behind <see cref="CompleteWeights"/>.</summary>
    public Generator Generator => WithWholeWeights(_generator);

    /// <summary>What checkpoints hold.</summary>
    public TrainingTensors Tensors => new(Memory.Parameters, Memory.FirstMoment, Memory.SecondMoment);

    /// <summary>Steps enqueued whose results have not been read.</summary>
    public int Pending => _scalars.Pending;

    /// <summary>Whether gradients are made at a dynamic scale: fp16.</summary>
    public bool IsLossScaled { get; }

    /// <summary>Starting weights, random ones or those of a folder, and moments of zero.</summary>
    /// <param name="folder">Whose; null for random ones.</param>
    /// <param name="ranks">Whoever trains together.</param>
    public void Initialise(string? folder, RankAgreement ranks)
    {
        if (folder is null)
        {
            WeightInitialiser.Initialise(Memory.Parameters, _operations, Transfer, _seed, _collectives);
        }
        else
        {
            ranks.FromFirst("the starting weights", () =>
            {
                WeightFolder.Resolve(folder);
                return 0;
            });
            ranks.OnAll("loading the starting weights", () =>
                CheckpointStore.ReadWeights(WeightFolder.Find(folder), Memory.Parameters, _operations, Transfer));
            Memory.Parameters.Complete(_operations, _collectives);
        }

        _operations.Zero(Memory.FirstMoment.Memory);
        _operations.Zero(Memory.SecondMoment.Memory);
    }

    /// <summary>Enqueues a whole step.</summary>
    /// <param name="step">0-based: dropout's counter.</param>
    /// <param name="learningRate">Of this step.</param>
    /// <param name="feed">Gives the micro-batches.</param>
    /// <param name="stop">Whether this rank has been asked to stop; all ranks learn of it with the results.</param>
    /// <param name="shareWritten">Whether this rank's share of the checkpoint under way is on disk; likewise.</param>
    public void Enqueue(long step, float learningRate, MicroBatchFeed feed, bool stop, bool shareWritten)
    {
        using RangeScope range = _operations.Device.Range(StepRange, step);
        _scalars.SendInputs(learningRate, (uint)step, _seed, new RankNews(stop, shareWritten, _ownSeconds));
        _work.Begin();
        for (int microStep = 0; microStep < _microSteps; microStep++)
        {
            using RangeScope part = _operations.Device.Range(MicroStepRange, microStep);
            feed.UploadNext();
            _work.LaunchMicroStep(microStep);
        }

        using (_operations.Device.Range(UpdateRange))
        {
            _work.LaunchUpdate();
            _areWeightsWhole = false;
        }

        _scalars.RequestResults();
    }

    /// <summary>The results of the oldest step not read yet; waits for it.</summary>
    public StepResult ReadResult()
    {
        StepResult result = _scalars.ReadResults();
        _ownSeconds = _work.TakeOwnSeconds();
        return result;
    }

    /// <summary>Every rank's own seconds, as they came with the results read last: of an earlier step. None in a process alone.</summary>
    public ReadOnlySpan<float> OwnSeconds => _scalars.OwnSeconds();

    /// <summary>Makes weights whole that sharded ranks have updated in parts, for whoever reads them before the next step. Every rank calls it.</summary>
    public void CompleteWeights()
    {
        if (!_areWeightsWhole)
        {
            _work.LaunchGather();
            _areWeightsWhole = true;
        }
    }

    /// <summary>Brings what the ranks have read of a checkpoint, each its share, to all.</summary>
    public void CompleteTensors()
    {
        Tensors.Complete(_operations, _collectives);
        _operations.Device.Synchronize();
        _areWeightsWhole = true;
    }

    /// <summary>What a checkpoint saves of the step scalars.</summary>
    public (float LossScale, float GoodSteps, uint AppliedUpdates) ReadState() => _scalars.ReadState();

    /// <summary>Sets what <see cref="ReadState"/> gave.</summary>
    public void WriteState(float lossScale, float goodSteps, uint appliedUpdates) => _scalars.WriteState(lossScale, goodSteps, appliedUpdates);

    /// <summary>Gives everything back; a constructor that fails half way, too, ends here, before the later parts are there.</summary>
    public void Dispose()
    {
        _operations.Device.Synchronize();
        _generator?.Dispose();
        _loss?.Dispose();
        _work?.Dispose();
        _scalars?.Dispose();
        Transfer?.Dispose();
        foreach (IDisposable registration in _registrations)
        {
            registration.Dispose();
        }

        _memory.Dispose();
    }

    // What collectives read and write in every step: the gradients as they travel, and the weights where ranks gather them.
    private void Register(bool isGathered)
    {
        Tensor gradients = Memory.ReducedGradients ?? Memory.Gradients.Arena;
        Tensor[] arenas = isGathered ? [gradients, Memory.Parameters.Compute.Arena] : [gradients];
        foreach (Tensor arena in arenas)
        {
            if (_collectives?.Register(arena) is { } registration)
            {
                _registrations.Add(registration);
            }
        }
    }

    private T WithWholeWeights<T>(T reader) => _areWeightsWhole
        ? reader
        : throw new InvalidOperationException("the weights are as the ranks' updates left them, in parts: complete them first");

    private AdamWOptions Options(OptimizerConfiguration optimizer) => new(
        optimizer.Beta1, optimizer.Beta2, optimizer.Epsilon, optimizer.WeightDecay, optimizer.Clip, DynamicLossScale: IsLossScaled);
}
