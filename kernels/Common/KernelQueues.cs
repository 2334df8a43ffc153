using System;
using System.Collections.Immutable;
using System.Linq;
using GptEngine.Runtime.Compile;
using GptEngine.Runtime.Memory;

namespace GptEngine.Kernels.Common;

/// <summary>What launchers share: loading by instance, and launching with an instance's block.</summary>
public static class KernelQueues
{
    /// <summary>Loads one kernel.</summary>
    public static LaunchableKernel Load(this IKernelQueue queue, KernelInstance instance)
    {
        ArgumentNullException.ThrowIfNull(queue);
        ArgumentNullException.ThrowIfNull(instance);
        SourceFile source = KernelSources.Read(instance.Source);
        ImmutableArray<LoadedKernel> loaded = queue.Load(source, KernelSources.HeadersOf(source), [instance.NameExpression]);
        return new LaunchableKernel(queue, instance, loaded.Single());
    }

    /// <summary>The tensor's address, or a null pointer.</summary>
    internal static KernelArgument AddressOf(Tensor? tensor) => tensor?.Address ?? 0;

    /// <summary>Whether packs may be used on all of these: null ones do not matter.</summary>
    internal static bool AreAligned(params ReadOnlySpan<Tensor?> tensors)
    {
        foreach (Tensor? tensor in tensors)
        {
            if (tensor is not null && tensor.Address % DeviceTypes.PackBytes != 0)
            {
                return false;
            }
        }

        return true;
    }
}
