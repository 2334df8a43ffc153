using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;

namespace GptEngine.Runtime.Native;

/// <summary>
/// The folders in which CUDA's libraries live on the machines we know, in the order they are tried. Reads the environment through a
/// function, so that a test can set up a machine of its own.
/// </summary>
/// <param name="environment">Value of an environment variable, or null.</param>
/// <param name="root">Prefix of the absolute system folders; "/" on a real machine.</param>
public sealed class NativeSearchPlaces(Func<string, string?> environment, string root = "/")
{
    /// <summary>The variable that moves the program's cache folder.</summary>
    public const string CacheVariable = "GPTENGINE_CACHE_DIR";

    /// <summary>The places of this process.</summary>
    public static NativeSearchPlaces ForThisProcess() => new(Environment.GetEnvironmentVariable);

    /// <summary>The program's cache: <c>GPTENGINE_CACHE_DIR</c>, else <c>gptengine</c> in the user's XDG cache folder.</summary>
    public string CacheFolder
    {
        get
        {
            if (Variable(CacheVariable) is { } own)
                return Path.GetFullPath(own);
            if (Variable("XDG_CACHE_HOME") is { } xdg)
                return Path.Combine(xdg, "gptengine");
            return Path.Combine(Variable("HOME") ?? Path.GetTempPath(), ".cache", "gptengine");
        }
    }

    /// <summary>
    /// Paths to open, in order. A bare file name among them leaves the search to the loader: <c>LD_LIBRARY_PATH</c> and the ldconfig
    /// cache. Where the library's own variable is set, that is the only place: an explicit wish is not silently replaced.
    /// </summary>
    public IEnumerable<string> Candidates(NativeLibraryName library)
    {
        if (Variable(library.EnvironmentVariable) is { } chosen)
        {
            return Directory.Exists(chosen)
                ? library.FileNames.Select(name => Path.Combine(chosen, name)).Where(File.Exists)
                : [Path.GetFullPath(chosen)];
        }

        IEnumerable<string> toolkits = In(library, ToolkitFolders());
        IEnumerable<string> elsewhere = In(library, WheelFolders().Append(Path.Combine(CacheFolder, library.ImportName, "lib")));
        // The unversioned name may be any version, so the loader is asked for it only when nothing else is there.
        IEnumerable<string> byLoader = library.FileNames.Where(name => !name.EndsWith(".so", StringComparison.Ordinal));
        return byLoader.Concat(toolkits).Concat(elsewhere).Concat(library.FileNames.Except(byLoader));
    }

    /// <summary>Where <see cref="Candidates"/> looks, as half a sentence for people.</summary>
    public string Looked(NativeLibraryName library)
    {
        ArgumentNullException.ThrowIfNull(library);
        string names = string.Join(", ", library.FileNames);
        return Variable(library.EnvironmentVariable) is { } chosen
            ? Directory.Exists(chosen) ? $"{library.EnvironmentVariable} is {chosen}, which has none of {names}" : $"{library.EnvironmentVariable} is {chosen}, which does not exist"
            : $"looked on the loader's path, in CUDA's folders, in Python's nvidia wheels and in our cache for {names}";
    }

    /// <summary>The path behind a candidate, where it is a bare name that is in a folder of <c>LD_LIBRARY_PATH</c>; else the candidate.</summary>
    public string Locate(string candidate) =>
        Path.IsPathRooted(candidate) || Variable("LD_LIBRARY_PATH") is not { } folders
            ? candidate
            : folders.Split(':').Where(folder => folder.Length > 0).Select(folder => Path.Combine(folder, candidate)).FirstOrDefault(File.Exists) ?? candidate;

    private static IEnumerable<string> In(NativeLibraryName library, IEnumerable<string> folders) =>
        from folder in folders
        where Directory.Exists(folder)
        from name in library.FileNames
        let path = Path.Combine(folder, name)
        where File.Exists(path)
        select path;

    private IEnumerable<string> ToolkitFolders()
    {
        IEnumerable<string> named = new[] { Variable("CUDA_HOME"), Variable("CUDA_PATH") }.OfType<string>();
        string parent = Path.Combine(root, "usr/local");
        IEnumerable<string> installed = Directory.Exists(parent)
            ? Directory.EnumerateDirectories(parent, "cuda*").OrderByDescending(path => path, StringComparer.Ordinal)
            : [];
        return named.Concat(installed).SelectMany(path => new[]
        {
            Path.Combine(path, "lib64"), Path.Combine(path, "lib"), Path.Combine(path, "extras", "CUPTI", "lib64"),
        });
    }

    /// <summary>The libraries that Python wheels bring: <c>…/site-packages/nvidia/PACKAGE/lib</c>.</summary>
    private IEnumerable<string> WheelFolders()
    {
        string?[] prefixes =
        [
            Variable("VIRTUAL_ENV"), Variable("CONDA_PREFIX"), Variable("HOME") is { } home ? Path.Combine(home, ".local") : null,
            Path.Combine(root, "usr/local"), Path.Combine(root, "usr"),
        ];
        return from prefix in prefixes.OfType<string>()
               from python in Children(Path.Combine(prefix, "lib"), "python3*")
               from packages in new[] { "site-packages", "dist-packages" }
               from package in Children(Path.Combine(python, packages, "nvidia"), "*")
               select Path.Combine(package, "lib");
    }

    private static IEnumerable<string> Children(string folder, string pattern) =>
        Directory.Exists(folder) ? Directory.EnumerateDirectories(folder, pattern).Order(StringComparer.Ordinal) : [];

    private string? Variable(string name) => environment(name) is { Length: > 0 } value ? value : null;
}
