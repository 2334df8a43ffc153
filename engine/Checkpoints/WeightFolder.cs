using System.Collections.Generic;
using System.IO;
using System.Linq;
using GptEngine.Runtime;

namespace GptEngine.Engine.Checkpoints;

/// <summary>Where the weights are that a person means by a folder.</summary>
public static class WeightFolder
{
    /// <summary>The folder itself where it holds weights, or the newest checkpoint of a run folder; its weights checked against their checksums.</summary>
    /// <exception cref="UserErrorException">There are no weights, or they are damaged.</exception>
    public static string Resolve(string folder)
    {
        string resolved = Find(folder);
        if (File.Exists(Path.Combine(resolved, StateFile.Name)))
        {
            CheckpointState state = StateFile.Read(resolved);
            var needed = new Dictionary<string, FileChecksum>(
                state.Files.Where(f => f.Key is ModelFile.WeightsName or ModelFile.Name));
            StateFile.Verify(resolved, state with { Files = needed });
        }

        return resolved;
    }

    /// <summary>Where they are, without a look at their checksums.</summary>
    /// <exception cref="UserErrorException">There are none.</exception>
    public static string Find(string folder)
    {
        if (File.Exists(Path.Combine(folder, ModelFile.WeightsName)))
        {
            return folder;
        }

        string checkpoints = Path.Combine(folder, "checkpoints");
        if (Directory.Exists(checkpoints))
        {
            CheckpointStore store = CheckpointStore.View(checkpoints);
            if (store.Steps() is [.., long newest])
            {
                return store.FolderOf(newest);
            }
        }

        throw new UserErrorException(
            $"{folder}: holds no {ModelFile.WeightsName}, and no checkpoints. Name a checkpoint, a folder of weights, or a run folder.", ExitCode.Usage);
    }
}
