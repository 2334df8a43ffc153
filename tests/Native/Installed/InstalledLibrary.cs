using System;
using System.Collections.Generic;
using System.Collections.Immutable;
using System.IO;
using System.Linq;
using GptEngine.Runtime.Native;

namespace GptEngine.Tests.Native.Installed;

/// <summary>One of NVIDIA's libraries, with what is checked of it.</summary>
/// <param name="Name">Which.</param>
/// <param name="Checks">By name, in the order in which they run; each throws where the library does not do as we say.</param>
internal sealed record InstalledLibrary(NativeLibraryName Name, IReadOnlyList<KeyValuePair<string, Action>> Checks)
{
    internal static readonly ImmutableArray<InstalledLibrary> All =
    [
        new(NativeLibraryName.Driver, DriverChecks.All),
        new(NativeLibraryName.CublasLt, CublasLtChecks.All),
        new(NativeLibraryName.Nccl, NcclChecks.All),
        new(NativeLibraryName.Cupti, CuptiChecks.All),
        new(NvrtcChecks.Name, NvrtcChecks.All),
    ];

    internal static InstalledLibrary Named(string importName) => All.Single(library => library.Name.ImportName == importName);

    /// <summary>The folder to which .ci/setup-nvidia.sh brings it for tests alone; null where it is not there.</summary>
    internal string? Brought(NativeSearchPlaces places)
    {
        string folder = Path.Combine(places.CacheFolder, "nvidia-test", Name.ImportName, "lib");
        return Name.FileNames.Any(file => File.Exists(Path.Combine(folder, file))) ? folder : null;
    }
}
