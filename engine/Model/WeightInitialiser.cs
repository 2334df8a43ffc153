using System;
using System.Linq;
using System.Text;
using System.Threading.Tasks;
using GptEngine.Kernels.Common;
using GptEngine.Runtime.Communication;
using GptEngine.Runtime.Memory;

namespace GptEngine.Engine.Model;

/// <summary>
/// Starting weights. Element i of a parameter comes from Philox with key = seed mixed with a hash of the parameter's name and
/// counter = i / 4, so that it depends on neither device, order, threads nor world size.
/// </summary>
public static class WeightInitialiser
{
    private const double StandardDeviation = 0.02;

    // Elements one task draws: a multiple of four, so that no draw is split.
    private const int Grain = 1 << 15;

    /// <summary>Gives every master parameter its starting value, and the compute copy with it. Of several ranks each makes its share.</summary>
    public static void Initialise(
        ParameterArena parameters, IOperations operations, TensorTransfer transfer, ulong seed, Communicator? collectives = null)
    {
        ArgumentNullException.ThrowIfNull(parameters);
        ArgumentNullException.ThrowIfNull(operations);
        ArgumentNullException.ThrowIfNull(transfer);
        operations.Zero(parameters.MasterShard.Memory);
        foreach (ParameterSpec parameter in parameters.Catalogue.Parameters.Where(p => p.Init != ParameterInit.Zero))
        {
            foreach ((long first, Tensor memory) in parameters.MasterShard.PiecesOf(parameter))
            {
                transfer.Upload(
                    memory, memory.Count, (offset, floats) => Fill(parameter, parameters.Model.NLayers, seed, first + offset, floats));
            }
        }

        parameters.Complete(operations, collectives);
        operations.Device.Synchronize();
    }

    /// <summary>The values of elements <paramref name="offset"/> and on of one parameter; the offset a multiple of four.</summary>
    public static unsafe void Fill(ParameterSpec parameter, int layers, ulong seed, long offset, Span<float> destination)
    {
        ArgumentNullException.ThrowIfNull(parameter);
        if (parameter.Init is ParameterInit.Zero or ParameterInit.One)
        {
            destination.Fill(parameter.Init == ParameterInit.One ? 1 : 0);
            return;
        }

        double scale = parameter.Init == ParameterInit.ResidualNormal ? StandardDeviation / Math.Sqrt(2.0 * layers) : StandardDeviation;
        ulong key = Key(seed, parameter.Name);
        int length = destination.Length;
        fixed (float* fixedFloats = destination)
        {
            // A lambda cannot hold a span; the memory stays fixed until all tasks are done.
            float* floats = fixedFloats;
            Parallel.For(0, (length + Grain - 1) / Grain, grain =>
            {
                int first = grain * Grain;
                Draw(key, offset + first, scale, new Span<float>(floats + first, Math.Min(Grain, length - first)));
            });
        }
    }

    private static void Draw(ulong key, long offset, double scale, Span<float> destination)
    {
        Span<float> four = stackalloc float[4];
        for (int i = 0; i < destination.Length; i += 4)
        {
            ulong counter = (ulong)(offset + i) / 4;
            (uint x, uint y, uint z, uint w) = Philox.Draw(key, (uint)counter, (uint)(counter >> 32), 0, 0);
            (four[0], four[1]) = Philox.ToNormal(x, y);
            (four[2], four[3]) = Philox.ToNormal(z, w);
            for (int lane = 0; lane < Math.Min(4, destination.Length - i); lane++)
            {
                destination[i + lane] = (float)(four[lane] * scale);
            }
        }
    }

    // FNV-1a over the name, then SplitMix64's finaliser over its sum with the seed: keys of neighbouring seeds have nothing in common.
    private static ulong Key(ulong seed, string name)
    {
        ulong hash = 0xCBF29CE484222325;
        foreach (byte letter in Encoding.UTF8.GetBytes(name))
        {
            hash = (hash ^ letter) * 0x100000001B3;
        }

        ulong key = unchecked(hash + (seed * 0x9E3779B97F4A7C15));
        key = (key ^ (key >> 30)) * 0xBF58476D1CE4E5B9;
        key = (key ^ (key >> 27)) * 0x94D049BB133111EB;
        return key ^ (key >> 31);
    }
}
