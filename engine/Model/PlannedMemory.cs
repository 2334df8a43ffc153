using System;
using System.Collections.Generic;
using GptEngine.Runtime.Devices;
using GptEngine.Runtime.Memory;

namespace GptEngine.Engine.Model;

/// <summary>The blocks of device memory behind a plan, one a category.</summary>
public sealed class PlannedMemory : IDisposable
{
    private readonly List<DeviceMemory> _blocks = [];

    public PlannedMemory(Device device, MemoryPlan plan)
    {
        ArgumentNullException.ThrowIfNull(device);
        ArgumentNullException.ThrowIfNull(plan);
        try
        {
            plan.Bind((_, bytes) =>
            {
                DeviceMemory block = device.Allocate(bytes);
                _blocks.Add(block);
                return block.Address;
            });
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    public void Dispose()
    {
        foreach (DeviceMemory block in _blocks)
        {
            block.Dispose();
        }

        _blocks.Clear();
    }
}
