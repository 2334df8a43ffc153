using System;
using System.Linq;
using GptEngine.Runtime.Devices;

namespace GptEngine.Engine.Ranks;

/// <summary>How long the device takes over a stretch of each step, for up to two steps on their way.</summary>
internal sealed class StepClock(Device device) : IDisposable
{
    private const int Slots = 2;

    private readonly DeviceEvent[] _starts = [.. Enumerable.Range(0, Slots).Select(_ => device.CreateEvent())];
    private readonly DeviceEvent[] _stops = [.. Enumerable.Range(0, Slots).Select(_ => device.CreateEvent())];
    private long _stopped;
    private long _taken;

    /// <summary>The stretch begins behind the work enqueued so far.</summary>
    public void Start() => _starts[_stopped % Slots].Record();

    /// <summary>It ends behind the work enqueued so far.</summary>
    public void Stop() => _stops[_stopped++ % Slots].Record();

    /// <summary>The oldest stretch not taken yet, which the device has behind it.</summary>
    public double TakeSeconds()
    {
        long slot = _taken++ % Slots;
        return _stops[slot].ElapsedMsSince(_starts[slot]) / 1000;
    }

    public void Dispose()
    {
        foreach (DeviceEvent mark in _starts.Concat(_stops))
        {
            mark.Dispose();
        }
    }
}
