using System;
using System.Collections.Generic;
using System.Globalization;
using System.IO;
using System.Linq;
using System.Text.Json;
using GptEngine.Engine.Configuration;
using GptEngine.Engine.Model;
using GptEngine.Kernels.Common;
using GptEngine.Runtime;
using GptEngine.Runtime.Native;

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
    private const string OptimizerName = "optimizer.safetensors";
    private const string FirstMomentPrefix = "first_moment.";
    private const string SecondMomentPrefix = "second_moment.";

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

        string[] needed = [ModelFile.WeightsName, ModelFile.Name, OptimizerName];
        foreach (string name in needed.Where(name => !state.Files.ContainsKey(name)))
        {
            throw new UserErrorException($"{folder}: its state lists no {name}.");
        }

        StateFile.Verify(folder, state);
        return state;
    }

    /// <summary>Reads a verified checkpoint into device memory.</summary>
    /// <exception cref="UserErrorException">It is for another model.</exception>
    public void Load(long step, TrainingTensors tensors, IOperations operations, TensorTransfer transfer)
    {
        ArgumentNullException.ThrowIfNull(tensors);
        string folder = FolderOf(step);
        ParameterArena parameters = tensors.Parameters;
        ModelFile.RequireSameShape(folder, ModelFile.Read(folder), parameters.Model);
        WeightFiles.Read(Path.Combine(folder, ModelFile.WeightsName), parameters.Catalogue, operations, transfer, ("", parameters.Master));
        WeightFiles.Read(
            Path.Combine(folder, OptimizerName), parameters.Catalogue, operations, transfer,
            (FirstMomentPrefix, tensors.FirstMoment), (SecondMomentPrefix, tensors.SecondMoment));
        parameters.RefreshCompute(operations);
        operations.Device.Synchronize();
    }

    /// <summary>Reads weights only, from any folder that has <c>config.json</c> and <c>model.safetensors</c>.</summary>
    /// <exception cref="UserErrorException">They are missing, broken, or for another model.</exception>
    public static void LoadWeights(string folder, ParameterArena parameters, IOperations operations, TensorTransfer transfer)
    {
        ArgumentNullException.ThrowIfNull(parameters);
        ArgumentNullException.ThrowIfNull(operations);
        ModelFile.RequireSameShape(folder, ModelFile.Read(folder), parameters.Model);
        WeightFiles.Read(Path.Combine(folder, ModelFile.WeightsName), parameters.Catalogue, operations, transfer, ("", parameters.Master));
        parameters.RefreshCompute(operations);
        operations.Device.Synchronize();
    }

    /// <summary>Writes a checkpoint; when this returns it is on disk under its name.</summary>
    /// <returns>Its folder.</returns>
    /// <exception cref="UserErrorException">The disk is full or refuses.</exception>
    public string Write(CheckpointState state, TrainingTensors tensors, TensorTransfer transfer)
    {
        ArgumentNullException.ThrowIfNull(state);
        ArgumentNullException.ThrowIfNull(tensors);
        string name = NameOf(state.Step);
        string writing = Path.Combine(_folder, WritingPrefix + name);
        try
        {
            Remove(writing);
            Directory.CreateDirectory(writing);
            WriteFiles(writing, state, tensors, transfer);
            FolderSync.Flush(writing);
            Publish(writing, name);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            GiveUp(writing);
            throw new UserErrorException(
                $"{FolderOf(state.Step)}: the checkpoint could not be written ({exception.Message}). Earlier checkpoints are intact; make room and resume.",
                ExitCode.Failed, exception);
        }

        return FolderOf(state.Step);
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

    private static void WriteFiles(string folder, CheckpointState state, TrainingTensors tensors, TensorTransfer transfer)
    {
        ParameterArena parameters = tensors.Parameters;
        var files = new Dictionary<string, FileChecksum>
        {
            [ModelFile.WeightsName] = WeightFiles.Write(
                Path.Combine(folder, ModelFile.WeightsName), parameters.Catalogue, transfer, ("", parameters.Master)),
            [OptimizerName] = WeightFiles.Write(
                Path.Combine(folder, OptimizerName), parameters.Catalogue, transfer,
                (FirstMomentPrefix, tensors.FirstMoment), (SecondMomentPrefix, tensors.SecondMoment)),
        };
        using (var file = new HashedFile(Path.Combine(folder, ModelFile.Name)))
        {
            file.Write(JsonSerializer.SerializeToUtf8Bytes(parameters.Model, ConfigurationJson.Default.ModelConfiguration));
            files[ModelFile.Name] = file.Finish();
        }

        StateFile.Write(folder, state with { Files = files });
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
    }

    private static void Remove(string folder)
    {
        if (Directory.Exists(folder))
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    // On a full disk half a checkpoint takes the room that is missing.
    private static void GiveUp(string writing)
    {
        try
        {
            Remove(writing);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            // Open clears it away later; the failure to report is the one that led here.
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
