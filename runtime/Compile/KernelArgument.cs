using System;
using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace GptEngine.Runtime.Compile;

/// <summary>
/// One argument of a kernel, by value: its bytes and how many they are, so that a launch can check them against the kernel's own
/// parameters. Structures go as they are laid out, up to <see cref="Capacity"/> bytes.
/// </summary>
public readonly struct KernelArgument
{
    /// <summary>Bytes of the largest argument.</summary>
    public const int Capacity = 32;

    private readonly Storage _bytes;

    private KernelArgument(Storage bytes, int size) => (_bytes, Size) = (bytes, size);

    /// <summary>Bytes of the value.</summary>
    public int Size { get; }

    /// <summary>The value's bytes.</summary>
    [UnscopedRef]
    public ReadOnlySpan<byte> Bytes =>
        MemoryMarshal.CreateReadOnlySpan(ref Unsafe.As<Storage, byte>(ref Unsafe.AsRef(in _bytes)), Size);

    /// <summary>An argument of any unmanaged type.</summary>
    /// <exception cref="ArgumentException">The type is larger than <see cref="Capacity"/>.</exception>
    public static KernelArgument Of<T>(T value)
        where T : unmanaged
    {
        int size = Unsafe.SizeOf<T>();
        if (size > Capacity)
        {
            throw new ArgumentException($"{typeof(T).Name} takes {size} bytes, more than the {Capacity} of a kernel argument", nameof(value));
        }

        Storage bytes = default;
        Unsafe.As<Storage, T>(ref bytes) = value;
        return new KernelArgument(bytes, size);
    }

    public static implicit operator KernelArgument(int value) => Of(value);

    public static implicit operator KernelArgument(long value) => Of(value);

    public static implicit operator KernelArgument(float value) => Of(value);

    /// <summary>A device address; 0 is a null pointer.</summary>
    public static implicit operator KernelArgument(nuint address) => Of(address);

    /// <summary>A C++ <c>int</c> that says yes or no.</summary>
    public static implicit operator KernelArgument(bool value) => Of(value ? 1 : 0);

    [InlineArray(Capacity / sizeof(ulong))]
    private struct Storage
    {
        private ulong _first;
    }
}
