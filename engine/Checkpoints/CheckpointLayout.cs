using System.Collections.Generic;
using System.Linq;
using GptEngine.Engine.Model;

namespace GptEngine.Engine.Checkpoints;

/// <summary>The tensor files of a checkpoint and what stands where in them: the same for every number of ranks.</summary>
internal sealed class CheckpointLayout
{
    /// <summary>The file of AdamW's moments.</summary>
    public const string OptimizerName = "optimizer.safetensors";

    /// <summary>Before the names of parameters in it.</summary>
    public const string FirstMomentPrefix = "first_moment.";

    /// <summary>Likewise.</summary>
    public const string SecondMomentPrefix = "second_moment.";

    public CheckpointLayout(ParameterCatalogue catalogue) => Files = new Dictionary<string, SafetensorsLayout>
    {
        [ModelFile.WeightsName] = new(Tensors(catalogue, "")),
        [OptimizerName] = new([.. Tensors(catalogue, FirstMomentPrefix), .. Tensors(catalogue, SecondMomentPrefix)]),
    };

    /// <summary>By file name.</summary>
    public IReadOnlyDictionary<string, SafetensorsLayout> Files { get; }

    /// <summary>Of all files.</summary>
    public long Bytes => Files.Values.Sum(file => file.Bytes);

    private static List<(string Name, IReadOnlyList<long> Shape)> Tensors(ParameterCatalogue catalogue, string prefix) =>
        [.. catalogue.Parameters.Select(parameter => (prefix + parameter.Name, parameter.FileShape))];
}
