using System;
using System.Collections.Concurrent;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Reflection;
using System.Runtime.InteropServices;

namespace GptEngine.Runtime.Native;

/// <summary>
/// The one resolver behind every <c>LibraryImport</c> of this assembly: opens each library once, from the first of
/// <see cref="NativeSearchPlaces"/> that has a loadable one.
/// </summary>
public static class NativeLibraries
{
    // The process's loader keeps one copy of a library anyway; this remembers which, so that a report can name it.
    private static readonly ConcurrentDictionary<string, Lazy<NativeLibraryOpening>> Openings = new(StringComparer.Ordinal);
    private static readonly Lazy<bool> Registration = new(() =>
    {
        NativeLibrary.SetDllImportResolver(typeof(NativeLibraries).Assembly, Resolve);
        return true;
    });

    /// <summary>Opens the library, or says where it was looked for. Never throws; safe to call from several threads.</summary>
    /// <param name="library">Which.</param>
    /// <param name="suits">
    /// Asked of each version that is found, by the loader's handle: the first that suits is taken, or, where none does, the first. It
    /// counts when the process first opens the library; null takes the first.
    /// </param>
    public static NativeLibraryOpening TryOpen(NativeLibraryName library, Func<nint, bool>? suits = null)
    {
        _ = Registration.Value;
        return Openings.GetOrAdd(library.ImportName, _ => new(() => Open(library, NativeSearchPlaces.ForThisProcess(), suits))).Value;
    }

    /// <summary>Opens the library.</summary>
    /// <exception cref="UserErrorException">It is nowhere: exit code <see cref="ExitCode.MissingDependency"/>.</exception>
    public static NativeLibraryOpening Require(NativeLibraryName library)
    {
        NativeLibraryOpening opening = TryOpen(library);
        return opening.IsOpen ? opening : throw new UserErrorException(opening.Describe(), ExitCode.MissingDependency);
    }

    internal static NativeLibraryOpening Open(NativeLibraryName library, NativeSearchPlaces places, Func<nint, bool>? suits)
    {
        var failures = new List<LoaderFailure>();
        string? unsuited = null;
        foreach (string candidate in places.Candidates(library))
        {
            OpenCompanions(library, candidate);
            try
            {
                nint handle = NativeLibrary.Load(candidate);
                string path = LoadedPath(library, candidate);
                if (path != candidate)
                {
                    // Only now is it known which folder the loader took a bare name from.
                    OpenCompanions(library, path);
                }

                if (suits is null || suits(handle))
                {
                    return new NativeLibraryOpening(library, handle, path, places.Looked(library), failures);
                }

                unsuited ??= candidate;
                NativeLibrary.Free(handle);
            }
            catch (Exception failed) when (failed is DllNotFoundException or BadImageFormatException)
            {
                // A name the loader does not know is the ordinary case; a file that is there and cannot be loaded is worth telling.
                if (LoaderFailure.Read(candidate, places.Locate(candidate), failed.Message) is { } failure)
                    failures.Add(failure);
            }
        }

        return unsuited is null
            ? new NativeLibraryOpening(library, 0, null, places.Looked(library), failures)
            : new NativeLibraryOpening(library, NativeLibrary.Load(unsuited), LoadedPath(library, unsuited), places.Looked(library), failures);
    }

    private static void OpenCompanions(NativeLibraryName library, string candidate)
    {
        if (library.CompanionPattern is null || !Path.IsPathRooted(candidate) || !File.Exists(candidate))
            return;

        // Beside the name that it was asked for by, and beside the file that is behind links.
        string file = File.ResolveLinkTarget(candidate, returnFinalTarget: true)?.FullName ?? candidate;
        foreach (string folder in new[] { Path.GetDirectoryName(candidate)!, Path.GetDirectoryName(file)! }.Distinct())
        {
            foreach (string companion in Directory.EnumerateFiles(folder, library.CompanionPattern))
                _ = NativeLibrary.TryLoad(companion, out _);
        }
    }

    /// <summary>Where the loader took it from, by the process's own memory map; the candidate itself where there is no such map.</summary>
    private static string LoadedPath(NativeLibraryName library, string candidate)
    {
        const string map = "/proc/self/maps";
        if (Path.IsPathRooted(candidate) || !File.Exists(map))
            return candidate;

        // What is mapped has the whole version in its name: libcuda.so.550.54.14 for libcuda.so.1.
        string newest = library.FileNames[0];
        string stem = newest[..(newest.IndexOf(".so", StringComparison.Ordinal) + 3)];
        return File.ReadLines(map)
            .Select(line => line.IndexOf('/', StringComparison.Ordinal) is var start and >= 0 ? line[start..] : "")
            .FirstOrDefault(path => Path.GetFileName(path).StartsWith(stem, StringComparison.Ordinal)) ?? candidate;
    }

    private static nint Resolve(string importName, Assembly assembly, DllImportSearchPath? searchPath) =>
        Openings.TryGetValue(importName, out Lazy<NativeLibraryOpening>? opening) ? opening.Value.Handle : 0;
}
