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
        var failures = new List<string>();
        string? unsuited = null;
        foreach (string candidate in places.Candidates(library))
        {
            OpenCompanions(library, candidate);
            try
            {
                nint handle = NativeLibrary.Load(candidate);
                if (suits is null || suits(handle))
                {
                    return new NativeLibraryOpening(library, handle, LoadedPath(library, candidate), failures);
                }

                unsuited ??= candidate;
                NativeLibrary.Free(handle);
            }
            catch (DllNotFoundException missing)
            {
                // A name the loader does not know is the ordinary case; a file that exists and cannot be opened is worth telling.
                if (File.Exists(candidate))
                    failures.Add($"{candidate}: {missing.Message}");
            }
            catch (BadImageFormatException unfit)
            {
                failures.Add($"{candidate}: {unfit.Message}");
            }
        }

        return unsuited is null
            ? new NativeLibraryOpening(library, 0, null, failures)
            : new NativeLibraryOpening(library, NativeLibrary.Load(unsuited), LoadedPath(library, unsuited), failures);
    }

    private static void OpenCompanions(NativeLibraryName library, string candidate)
    {
        if (library.CompanionPattern is null || Path.GetDirectoryName(candidate) is not { Length: > 0 } folder)
            return;
        foreach (string companion in Directory.EnumerateFiles(folder, library.CompanionPattern))
            _ = NativeLibrary.TryLoad(companion, out _);
    }

    /// <summary>Where the loader took it from, by the process's own memory map; the candidate itself where there is no such map.</summary>
    private static string LoadedPath(NativeLibraryName library, string candidate)
    {
        const string map = "/proc/self/maps";
        if (Path.IsPathRooted(candidate) || !File.Exists(map))
            return candidate;
        string stem = library.FileNames[^1];
        return File.ReadLines(map)
            .Select(line => line.IndexOf('/', StringComparison.Ordinal) is var start and >= 0 ? line[start..] : "")
            .FirstOrDefault(path => Path.GetFileName(path).StartsWith(stem, StringComparison.Ordinal)) ?? candidate;
    }

    private static nint Resolve(string importName, Assembly assembly, DllImportSearchPath? searchPath) =>
        Openings.TryGetValue(importName, out Lazy<NativeLibraryOpening>? opening) ? opening.Value.Handle : 0;
}
