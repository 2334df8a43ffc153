using System;
using System.Collections.Generic;
using System.Globalization;
using System.IO;
using System.Linq;
using System.Text.Json;
using GptEngine.Engine.Configuration;
using GptEngine.Engine.Model;
using GptEngine.Engine.Ranks;
using GptEngine.Kernels.Common;
using GptEngine.Runtime;
using GptEngine.Runtime.Native;
using Microsoft.Win32.SafeHandles;

namespace GptEngine.Engine.Checkpoints;

/// <summary>
/// The <c>checkpoints</c> folder of a run. A checkpoint is written in a folder under another name, flushed to disk file by file, and
/// renamed once whole: what is called <c>step-NNNNNNNN</c> is complete, whenever the process was killed. Folders whose names start with
/// <c>.writing-</c> and <c>.deleting-</c> are what a kill left behind; <see cref="Open"/> clears them away.
/// </summary>
public sealed class CheckpointStore
{
    private const string Prefix = "step-";
    private const string WritingPrefix = ".writing-";
    private const string DeletingPrefix = ".deleting-";
    private const string ReplacedPrefix = ".replaced-";

    private readonly string _folder;

    private CheckpointStore(string folder) => _folder = folder;

    /// <summary>Opens the folder, making it where it is missing, and clears away what a killed process left.</summary>
    /// <exception cref="UserErrorException">The folder cannot be made or written.</exception>
    public static CheckpointStore Open(string folder)
    {
        try
        {
            Directory.CreateDirectory(folder);
            var store = new CheckpointStore(Path.GetFullPath(folder));
            store.ClearLeftovers();
            return store;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new UserErrorException($"{folder}: cannot hold checkpoints ({exception.Message}). Choose another run folder.", ExitCode.Failed, exception);
        }
    }

    /// <summary>The folder as it is, to look for checkpoints: a run may be writing to it.</summary>
    public static CheckpointStore View(string folder) => new(Path.GetFullPath(folder));

    /// <summary>Steps of all checkpoints, in rising order; whether they are valid is not looked at.</summary>
    public IReadOnlyList<long> Steps()
    {
        var steps = new List<long>();
        foreach (string path in Directory.EnumerateDirectories(_folder, Prefix + "*"))
        {
            if (TryParse(Path.GetFileName(path), out long step))
            {
                steps.Add(step);
            }
        }

        steps.Sort();
        return steps;
    }

    /// <summary>The folder of a step's checkpoint.</summary>
    public string FolderOf(long step) => Path.Combine(_folder, NameOf(step));

    /// <summary><c>step-NNNNNNNN</c>.</summary>
    public static string NameOf(long step) => Prefix + step.ToString("D8", CultureInfo.InvariantCulture);

    /// <summary>Reads <c>step-NNNNNNNN</c>, or a number, or a path that ends in one.</summary>
    /// <exception cref="UserErrorException">Usage: there is no such checkpoint; names those there are.</exception>
    public long Find(string checkpoint)
    {
        ArgumentNullException.ThrowIfNull(checkpoint);
        string name = Path.GetFileName(Path.TrimEndingDirectorySeparator(checkpoint));
        bool parsed = TryParse(name, out long step) || long.TryParse(name, NumberStyles.None, CultureInfo.InvariantCulture, out step);
        if (parsed && Directory.Exists(FolderOf(step)))
        {
            return step;
        }

        IReadOnlyList<long> steps = Steps();
        string known = steps.Count == 0 ? "there are none" : "there are " + string.Join(", ", steps.TakeLast(8).Select(NameOf));
        throw new UserErrorException($"There is no checkpoint \"{checkpoint}\" in {_folder}: {known}. Name one of them.", ExitCode.Usage);
    }

    /// <summary>The state of a step's checkpoint, all files checked against their checksums.</summary>
    /// <exception cref="UserErrorException">Something is missing or damaged.</exception>
    public CheckpointState Verify(long step)
    {
        string folder = FolderOf(step);
        CheckpointState state = StateFile.Read(folder);
        if (state.Step != step)
        {
            throw new UserErrorException($"{folder}: its state is that of step {state.Step}; the folder was renamed or the file belongs to another.");
        }

        string[] needed = [ModelFile.WeightsName, ModelFile.Name, CheckpointLayout.OptimizerName];
        foreach (string name in needed.Where(name => !state.Files.ContainsKey(name)))
        {
            throw new UserErrorException($"{folder}: its state lists no {name}.");
        }

        StateFile.Verify(folder, state);
        return state;
    }

    /// <summary>Reads this rank's share of a verified checkpoint into device memory; <see cref="TrainingTensors.Complete"/> does the rest.</summary>
    /// <exception cref="UserErrorException">It is for another model.</exception>
    public void Load(long step, TrainingTensors tensors, IOperations operations, TensorTransfer transfer)
    {
        ArgumentNullException.ThrowIfNull(tensors);
        string folder = FolderOf(step);
        ParameterArena parameters = tensors.Parameters;
        ModelFile.RequireSameShape(folder, ModelFile.Read(folder), parameters.Model);
        WeightFiles.Read(Path.Combine(folder, ModelFile.WeightsName), parameters.Catalogue, operations, transfer, ("", parameters.MasterShard));
        WeightFiles.Read(
            Path.Combine(folder, CheckpointLayout.OptimizerName), parameters.Catalogue, operations, transfer,
            (CheckpointLayout.FirstMomentPrefix, tensors.FirstMoment), (CheckpointLayout.SecondMomentPrefix, tensors.SecondMoment));
    }

    /// <summary>Reads the weights of a process alone.</summary>
    /// <exception cref="UserErrorException">They are missing, broken, or for another model.</exception>
    public static void LoadWeights(string folder, ParameterArena parameters, IOperations operations, TensorTransfer transfer)
    {
        ArgumentNullException.ThrowIfNull(parameters);
        ArgumentNullException.ThrowIfNull(operations);
        ReadWeights(folder, parameters, operations, transfer);
        parameters.Complete(operations);
        operations.Device.Synchronize();
    }

    /// <summary>
    /// Reads weights only, from any folder that has <c>config.json</c> and <c>model.safetensors</c>: this rank's share of them, which
    /// <see cref="ParameterArena.Complete"/> completes.
    /// </summary>
    /// <exception cref="UserErrorException">They are missing, broken, or for another model.</exception>
    public static void ReadWeights(string folder, ParameterArena parameters, IOperations operations, TensorTransfer transfer)
    {
        ArgumentNullException.ThrowIfNull(parameters);
        ArgumentNullException.ThrowIfNull(operations);
        ModelFile.RequireSameShape(folder, ModelFile.Read(folder), parameters.Model);
        WeightFiles.Read(Path.Combine(folder, ModelFile.WeightsName), parameters.Catalogue, operations, transfer, ("", parameters.MasterShard));
    }

    /// <summary>Where a step's checkpoint is written before it is whole.</summary>
    public string WritingFolderOf(long step) => Path.Combine(_folder, WritingPrefix + NameOf(step));

    /// <summary>Begins a checkpoint: makes its tensor files at their full length, all but the tensors in them.</summary>
    /// <exception cref="UserErrorException">The disk is full or refuses.</exception>
    internal void Begin(long step, CheckpointLayout layout) => Refusing(step, layout.Bytes, () =>
    {
        string writing = WritingFolderOf(step);
        Remove(writing);
        Directory.CreateDirectory(writing);
        foreach ((string name, SafetensorsLayout file) in layout.Files)
        {
            // Takes the room at once where the file system can: a disk that is too full is known before training goes on.
            using SafeFileHandle handle = File.OpenHandle(
                Path.Combine(writing, name), FileMode.CreateNew, FileAccess.Write, FileShare.ReadWrite, FileOptions.None, file.Bytes);
            RandomAccess.SetLength(handle, file.Bytes);
            RandomAccess.Write(handle, file.Preamble, 0);
        }
    });

    /// <summary>Ends a checkpoint whose tensors are all written; when this returns it is on disk under its name.</summary>
    /// <exception cref="IOException">The disk is full or refuses.</exception>
    internal void Publish(CheckpointState state, ModelConfiguration model, CheckpointLayout layout)
    {
        string writing = WritingFolderOf(state.Step);
        var files = layout.Files.Keys.ToDictionary(name => name, name => HashedFile.Measure(Path.Combine(writing, name)));
        using (var file = new HashedFile(Path.Combine(writing, ModelFile.Name)))
        {
            file.Write(JsonSerializer.SerializeToUtf8Bytes(model, ConfigurationJson.Default.ModelConfiguration));
            files[ModelFile.Name] = file.Finish();
        }

        StateFile.Write(writing, state with { Files = files });
        FolderSync.Flush(writing);
        Publish(writing, NameOf(state.Step));
    }

    /// <summary>Does what writes a checkpoint, and says what there is to do about it where that fails.</summary>
    /// <exception cref="UserErrorException">The disk is full or refuses.</exception>
    internal void Refusing(long step, long bytes, Action write)
    {
        try
        {
            write();
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            long free = Directory.Exists(_folder) ? new DriveInfo(_folder).AvailableFreeSpace : 0;
            throw new UserErrorException(
                $"{FolderOf(step)}: the checkpoint could not be written ({exception.Message.TrimEnd('.')}; {free >> 20} MiB are free there, and it takes " +
                $"{(bytes >> 20) + 1} MiB). Earlier checkpoints are intact; make room and resume.",
                ExitCode.Failed, exception);
        }
    }

    /// <summary>Gives up a checkpoint that has been begun: on a full disk half of one takes the room that is missing.</summary>
    internal void Abandon(long step)
    {
        try
        {
            Remove(WritingFolderOf(step));
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            // Open clears it away later; the failure to report is the one that led here.
        }
    }

    /// <summary>Deletes all but the latest checkpoints.</summary>
    public void Prune(int keep)
    {
        if (keep > 0)
        {
            foreach (long step in Steps().SkipLast(keep))
            {
                // Renamed first: a kill in the middle must not leave half a checkpoint under a good name.
                string deleting = Path.Combine(_folder, DeletingPrefix + NameOf(step));
                Remove(deleting);
                Directory.Move(FolderOf(step), deleting);
                Remove(deleting);
            }
        }
    }

    /// <summary>
    /// Renames checkpoints later than <paramref name="step"/>, so that a run that goes on from there is not mixed up with the one it
    /// leaves behind. Nothing is deleted.
    /// </summary>
    /// <returns>The new names.</returns>
    public IReadOnlyList<string> SetAsideLaterThan(long step)
    {
        var names = new List<string>();
        foreach (long later in Steps().Where(s => s > step))
        {
            string name = "abandoned-" + NameOf(later);
            for (int copy = 2; Directory.Exists(Path.Combine(_folder, name)); copy++)
            {
                name = $"abandoned-{NameOf(later)}-{copy}";
            }

            Directory.Move(FolderOf(later), Path.Combine(_folder, name));
            names.Add(name);
        }

        return names;
    }

    // A folder cannot be renamed over another: an old checkpoint of the same step steps aside first, and ClearLeftovers puts it back
    // if the process ends between the two renames.
    private void Publish(string writing, string name)
    {
        string final = Path.Combine(_folder, name);
        string replaced = Path.Combine(_folder, ReplacedPrefix + name);
        if (Directory.Exists(final))
        {
            Remove(replaced);
            Directory.Move(final, replaced);
        }

        Directory.Move(writing, final);
        FolderSync.Flush(_folder);
        Remove(replaced);
    }

    private void ClearLeftovers()
    {
        foreach (string path in Directory.GetDirectories(_folder, ReplacedPrefix + Prefix + "*"))
        {
            string final = Path.Combine(_folder, Path.GetFileName(path)[ReplacedPrefix.Length..]);
            if (!Directory.Exists(final))
            {
                Directory.Move(path, final);
            }
        }

        foreach (string prefix in (ReadOnlySpan<string>)[WritingPrefix, DeletingPrefix, ReplacedPrefix])
        {
            foreach (string path in Directory.GetDirectories(_folder, prefix + Prefix + "*"))
            {
                Remove(path);
            }
        }

        foreach (string path in Directory.GetFiles(_folder, SharedFolder.Prefix + "*"))
        {
            File.Delete(path);
        }
    }

    private static void Remove(string folder)
    {
        if (Directory.Exists(folder))
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static bool TryParse(string name, out long step)
    {
        step = 0;
        return name.StartsWith(Prefix, StringComparison.Ordinal)
            && name.Length == Prefix.Length + 8
            && long.TryParse(name.AsSpan(Prefix.Length), NumberStyles.None, CultureInfo.InvariantCulture, out step);
    }
}
