using GptEngine.Runtime.Cuda;
using GptEngine.Runtime.Devices;
using GptEngine.Runtime.Memory;
using GptEngine.Runtime.Simulator.Driver;

namespace GptEngine.Runtime.Communication.Host;

/// <summary>How the host gets at a device's memory and into its order of work: the CPU's, whose work is done when enqueued, or a simulated GPU's.</summary>
internal sealed unsafe class HostAccess
{
    private readonly SimulatedDriver? _driver;

    /// <exception cref="UserErrorException">The device's memory is not the host's.</exception>
    internal HostAccess(Device device)
    {
        switch (device)
        {
            case CpuDevice:
                break;
            case GpuDevice { Driver: SimulatedDriver driver } gpu:
                _driver = driver;
                Stream = gpu.Stream;
                break;
            default:
                throw new UserErrorException(
                    $"Collectives of the host serve --device cpu and sim, and the device is {device.Name}, which needs NCCL.", ExitCode.MissingDependency);
        }
    }

    /// <summary>Where work takes its place; null where it runs in the call that enqueues it.</summary>
    internal GpuStream? Stream { get; }

    internal nint Reading(Tensor tensor) => _driver is null || tensor.Bytes == 0
        ? (nint)tensor.Address
        : (nint)_driver.Reading("collective", new DevicePointer(tensor.Address), tensor.Bytes);

    internal nint Writing(Tensor tensor) => _driver is null || tensor.Bytes == 0
        ? (nint)tensor.Address
        : (nint)_driver.Writing("collective", new DevicePointer(tensor.Address), tensor.Bytes);
}
