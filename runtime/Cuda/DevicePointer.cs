using System.Globalization;

namespace GptEngine.Runtime.Cuda;

/// <summary>An address in a GPU's memory.</summary>
public readonly record struct DevicePointer(ulong Address)
{
    public static DevicePointer operator +(DevicePointer pointer, long bytes) => new(pointer.Address + (ulong)bytes);

    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"0x{Address:x}");
}
