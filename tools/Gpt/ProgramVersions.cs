using System;
using System.Collections.Generic;
using System.Reflection;
using GptEngine.Runtime.Devices;
using GptEngine.Runtime.Native;

namespace GptEngine.Gpt;

/// <summary>What a measurement was made with: this program, .NET, the system, and of NVIDIA's libraries those that the device uses.</summary>
internal static class ProgramVersions
{
    /// <summary>This program's version.</summary>
    public static string Program => typeof(ProgramVersions).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion
        ?? typeof(ProgramVersions).Assembly.GetName().Version?.ToString(3) ?? "unknown";

    /// <summary>By name: <c>program</c>, <c>dotnet</c>, <c>os</c>, and <c>driver</c>, <c>nvrtc</c>, <c>cublaslt</c> where a GPU is used.</summary>
    public static IReadOnlyDictionary<string, string> Of(Device device)
    {
        var versions = new SortedDictionary<string, string>(StringComparer.Ordinal)
        {
            ["program"] = Program,
            ["dotnet"] = Environment.Version.ToString(),
            ["os"] = Environment.OSVersion.VersionString,
        };
        if (device is CpuDevice)
        {
            return versions;
        }

        foreach ((string name, NativeLibraryName library) in
            (ReadOnlySpan<(string, NativeLibraryName)>)[("driver", NativeLibraryName.Driver), ("nvrtc", NativeLibraryName.Nvrtc), ("cublaslt", NativeLibraryName.CublasLt)])
        {
            if (NativeVersion.Of(NativeLibraries.TryOpen(library)) is { } version)
            {
                versions[name] = version;
            }
        }

        return versions;
    }
}
