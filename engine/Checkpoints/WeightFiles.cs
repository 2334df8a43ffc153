using System;
using System.Linq;
using System.Numerics.Tensors;
using GptEngine.Engine.Model;
using GptEngine.Engine.Ranks;
using GptEngine.Kernels.Common;
using GptEngine.Runtime;
using Tensor = GptEngine.Runtime.Memory.Tensor;

namespace GptEngine.Engine.Checkpoints;

/// <summary>A model's parameters, or a moment of each, from safetensors files.</summary>
internal static class WeightFiles
{
    /// <summary>Reads this rank's share of arenas; the file must hold exactly what the model has.</summary>
    /// <exception cref="UserErrorException">A tensor is missing, of another shape, or unknown to the model.</exception>
    public static void Read(
        string path, ParameterCatalogue catalogue, IOperations operations, TensorTransfer transfer,
        params ReadOnlySpan<(string Prefix, ArenaShard Shard)> arenas)
    {
        using SafetensorsReader reader = SafetensorsReader.Open(path);
        Check(path, reader, catalogue, arenas);
        foreach ((string prefix, ArenaShard shard) in arenas)
        {
            // Padding rows and the gaps between tensors are zero, whatever was there.
            operations.Zero(shard.Memory);
            foreach (ParameterSpec parameter in catalogue.Parameters)
            {
                SafetensorsEntry entry = reader.Entries[prefix + parameter.Name];
                foreach ((long first, Tensor memory) in shard.PiecesOf(parameter))
                {
                    transfer.Upload(memory, memory.Count, (offset, floats) =>
                    {
                        reader.Read(entry, first + offset, floats);
                        RequireFinite(path, entry, first + offset, floats);
                    });
                }
            }
        }
    }

    /// <summary>Throws unless a file holds what the model's configuration says, before any device memory is taken for it.</summary>
    /// <exception cref="UserErrorException">A tensor is missing, of another shape, or unknown to the model.</exception>
    public static void CheckModel(string path, ParameterCatalogue catalogue)
    {
        using SafetensorsReader reader = SafetensorsReader.Open(path);
        CheckTensors(path, reader, catalogue, "");
        CheckCount(path, reader, catalogue, [""]);
    }

    // One NaN in a weight is all the model ever says from there on; no run writes one.
    private static void RequireFinite(string path, SafetensorsEntry entry, long offset, ReadOnlySpan<float> floats)
    {
        if (!TensorPrimitives.IsFiniteAll(floats))
        {
            int at = 0;
            while (float.IsFinite(floats[at]))
            {
                at++;
            }

            throw new UserErrorException($"{path}: element {offset + at} of tensor \"{entry.Name}\" is {floats[at]}, no finite number. Use another checkpoint.");
        }
    }

    private static void Check(
        string path, SafetensorsReader reader, ParameterCatalogue catalogue, ReadOnlySpan<(string Prefix, ArenaShard Shard)> arenas)
    {
        string[] prefixes = new string[arenas.Length];
        for (int i = 0; i < arenas.Length; i++)
        {
            prefixes[i] = arenas[i].Prefix;
            CheckTensors(path, reader, catalogue, prefixes[i]);
        }

        CheckCount(path, reader, catalogue, prefixes);
    }

    private static void CheckTensors(string path, SafetensorsReader reader, ParameterCatalogue catalogue, string prefix)
    {
        foreach (ParameterSpec parameter in catalogue.Parameters)
        {
            string name = prefix + parameter.Name;
            if (!reader.Entries.TryGetValue(name, out SafetensorsEntry? entry))
            {
                throw new UserErrorException($"{path}: lacks tensor \"{name}\", which the model's configuration calls for. Use the configuration it was saved with.");
            }

            if (!entry.Shape.SequenceEqual(parameter.FileShape))
            {
                throw new UserErrorException(
                    $"{path}: tensor \"{name}\" has shape ({string.Join(", ", entry.Shape)}), and the model's configuration calls for " +
                    $"({string.Join(", ", parameter.FileShape)}). Use the configuration it was saved with.");
            }

            if (entry.Type == Runtime.Memory.DataType.Int32)
            {
                throw new UserErrorException($"{path}: tensor \"{name}\" holds whole numbers, where a floating type is needed.");
            }
        }
    }

    private static void CheckCount(string path, SafetensorsReader reader, ParameterCatalogue catalogue, string[] prefixes)
    {
        if (reader.Entries.Count != prefixes.Length * catalogue.Parameters.Count)
        {
            var known = prefixes.SelectMany(prefix => catalogue.Parameters.Select(p => prefix + p.Name)).ToHashSet(StringComparer.Ordinal);
            string stranger = reader.Entries.Keys.First(name => !known.Contains(name));
            throw new UserErrorException(
                $"{path}: holds tensor \"{(stranger.Length <= 80 ? stranger : stranger[..80] + "…")}\", which the model's configuration has no place for. Use the configuration it was saved with.");
        }
    }
}
