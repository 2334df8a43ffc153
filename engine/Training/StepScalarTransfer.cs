using System;
using GptEngine.Engine.Ranks;
using GptEngine.Kernels.Common;
using GptEngine.Runtime.Devices;
using GptEngine.Runtime.Memory;

namespace GptEngine.Engine.Training;

/// <summary>
/// The step scalars' way to the device and back: inputs up before a step, results down after it, two pinned slots of each, so that a
/// step can be enqueued while the one before it is still running.
/// </summary>
internal sealed class StepScalarTransfer : IDisposable
{
    private const int Slots = 2;

    private readonly Device _device;
    private readonly Tensor _scalars;
    private readonly Tensor _inputs;
    private readonly Tensor _state;
    private readonly Tensor? _ranks;
    private readonly int _rank;
    private readonly int _bytesPerSlot;
    private readonly PinnedBuffer _up;
    private readonly PinnedBuffer _down;
    private readonly DeviceEvent[] _done = new DeviceEvent[Slots];
    private long _sent;
    private long _read;

    /// <param name="device">Where the scalars are.</param>
    /// <param name="scalars">The step scalars, and behind them in a run of ranks what <see cref="RankScalars"/> lists.</param>
    /// <param name="rank">Whose part of them this process fills in.</param>
    public StepScalarTransfer(Device device, Tensor scalars, int rank)
    {
        _rank = rank;
        _device = device;
        _scalars = scalars;
        _inputs = scalars.View("step_scalars.inputs", 0, StepScalars.InputCount);
        _state = scalars.View("step_scalars.state", StepScalars.StateStart, StepScalars.StateCount);
        _ranks = scalars.Count > StepScalars.Count ? scalars.View("step_scalars.ranks", StepScalars.Count, scalars.Count - StepScalars.Count) : null;
        _bytesPerSlot = (int)scalars.Bytes;
        _up = device.AllocatePinned(Slots * _bytesPerSlot);
        _down = device.AllocatePinned(Slots * _bytesPerSlot);
        for (int slot = 0; slot < Slots; slot++)
        {
            _done[slot] = device.CreateEvent();
        }
    }

    /// <summary>Steps whose results have not been read: at most two.</summary>
    public int Pending => (int)(_sent - _read);

    /// <summary>Enqueues the upload of a step's inputs.</summary>
    /// <param name="learningRate">Of this step.</param>
    /// <param name="step">Dropout's counter.</param>
    /// <param name="seed">Dropout's key.</param>
    /// <param name="news">What this rank tells the others of its run.</param>
    public void SendInputs(float learningRate, uint step, ulong seed, in RankNews news)
    {
        if (Pending == Slots)
        {
            throw new InvalidOperationException("the results of two steps are still unread");
        }

        int slot = (int)(_sent % Slots);
        Span<float> inputs = _up.AsSpan<float>(slot * _bytesPerSlot, StepScalars.InputCount);
        inputs.Clear();
        inputs[(int)StepScalar.LearningRate] = learningRate;
        inputs[(int)StepScalar.Step] = BitConverter.UInt32BitsToSingle(step);
        inputs[(int)StepScalar.SeedLow] = BitConverter.UInt32BitsToSingle((uint)seed);
        inputs[(int)StepScalar.SeedHigh] = BitConverter.UInt32BitsToSingle((uint)(seed >> 32));
        _device.Upload(_up, slot * _bytesPerSlot, _inputs);
        if (_ranks is not null)
        {
            int start = (slot * _bytesPerSlot) + (StepScalars.Count * sizeof(float));
            RankScalars.Write(_up.AsSpan<float>(start, (int)_ranks.Count), _rank, news);
            _device.Upload(_up, start, _ranks);
        }
    }

    /// <summary>Enqueues the download of all scalars behind a step's work.</summary>
    public void RequestResults()
    {
        int slot = (int)(_sent % Slots);
        _device.Download(_scalars, _down, slot * _bytesPerSlot);
        _done[slot].Record();
        _sent++;
    }

    /// <summary>The results of the oldest step not read yet; waits for it.</summary>
    public StepResult ReadResults()
    {
        int slot = (int)(_read % Slots);
        _done[slot].Wait();
        ReadOnlySpan<float> scalars = _down.AsSpan<float>(slot * _bytesPerSlot, (int)_scalars.Count);
        _read++;
        return new StepResult(
            scalars[(int)StepScalar.Loss], scalars[(int)StepScalar.GradientNorm], scalars[(int)StepScalar.IsFinite] != 0,
            _ranks is not null && scalars[RankScalars.StopRequests] > 0,
            _ranks is null ? 0 : (int)scalars[RankScalars.SharesWritten]);
    }

    /// <summary>Every rank's own seconds, as they came with the results read last; none in a process alone.</summary>
    public ReadOnlySpan<float> OwnSeconds() => _ranks is null || _read == 0
        ? []
        : _down.AsSpan<float>((int)((_read - 1) % Slots) * _bytesPerSlot, (int)_scalars.Count)[RankScalars.OwnSeconds..];

    /// <summary>The state that a checkpoint saves. Waits for the device; not for use inside a step.</summary>
    public (float LossScale, float GoodSteps, uint AppliedUpdates) ReadState()
    {
        // Through a slot of the way up, which is free once the device is idle: the ways down may hold results still to be read.
        _device.Synchronize();
        _device.Download(_state, _up, 0);
        _device.Synchronize();
        ReadOnlySpan<float> state = _up.AsSpan<float>(0, StepScalars.StateCount);
        return (
            state[StepScalar.LossScale - (StepScalar)StepScalars.StateStart],
            state[StepScalar.GoodSteps - (StepScalar)StepScalars.StateStart],
            BitConverter.SingleToUInt32Bits(state[StepScalar.AppliedUpdates - (StepScalar)StepScalars.StateStart]));
    }

    /// <summary>Sets the state. Waits for the device; not for use inside a step.</summary>
    public void WriteState(float lossScale, float goodSteps, uint appliedUpdates)
    {
        _device.Synchronize();
        Span<float> state = _up.AsSpan<float>(0, StepScalars.StateCount);
        state.Clear();
        state[StepScalar.LossScale - (StepScalar)StepScalars.StateStart] = lossScale;
        state[StepScalar.GoodSteps - (StepScalar)StepScalars.StateStart] = goodSteps;
        state[StepScalar.AppliedUpdates - (StepScalar)StepScalars.StateStart] = BitConverter.UInt32BitsToSingle(appliedUpdates);
        _device.Upload(_up, 0, _state);
        _device.Synchronize();
    }

    public void Dispose()
    {
        _up.Dispose();
        _down.Dispose();
        foreach (DeviceEvent done in _done)
        {
            done.Dispose();
        }
    }
}
