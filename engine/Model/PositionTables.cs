using System;
using GptEngine.Engine.Configuration;
using GptEngine.Kernels.Common;
using GptEngine.Runtime.Memory;

namespace GptEngine.Engine.Model;

/// <summary>Constant tables of positions: the sinusoids added to the embedding, or the angles that rotate Q and K.</summary>
public sealed class PositionTables
{
    // Vaswani et al. 2017, section 3.5; Su et al. 2021 take the same.
    private const double Base = 10000.0;

    public PositionTables(MemoryPlan plan, ModelConfiguration model, IOperations operations)
    {
        ArgumentNullException.ThrowIfNull(plan);
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(operations);
        long time = model.ContextLength;
        if (model.Positions == PositionKind.Sinusoidal)
        {
            Sinusoids = plan.Persistent("positions.sinusoids", MemoryCategory.Inputs, operations.Storage, time, model.DModel);
        }
        else if (model.Positions == PositionKind.Rotary)
        {
            Cosine = plan.Persistent("positions.cosine", MemoryCategory.Inputs, operations.Master, time, model.DHead / 2);
            Sine = plan.Persistent("positions.sine", MemoryCategory.Inputs, operations.Master, time, model.DHead / 2);
        }
    }

    /// <summary>(T, C) x: sin(t / 10000^(2i/C)) at 2i, cos of the same at 2i + 1; null unless positions are sinusoidal.</summary>
    public Tensor? Sinusoids { get; }

    /// <summary>(T, D/2) m; null unless positions are rotary.</summary>
    public Tensor? Cosine { get; }

    /// <summary>(T, D/2) m; null unless positions are rotary.</summary>
    public Tensor? Sine { get; }

    /// <summary>Computes and uploads them, once memory is bound.</summary>
    public void Fill(TensorTransfer transfer)
    {
        ArgumentNullException.ThrowIfNull(transfer);
        if (Sinusoids is { } sinusoids)
        {
            Upload(transfer, sinusoids, (position, channel, channels) =>
            {
                double angle = position / Math.Pow(Base, channel / 2 * 2 / (double)channels);
                return channel % 2 == 0 ? Math.Sin(angle) : Math.Cos(angle);
            });
        }

        if (Cosine is { } cosine && Sine is { } sine)
        {
            Upload(transfer, cosine, (position, i, half) => Math.Cos(position * Math.Pow(Base, -i / (double)half)));
            Upload(transfer, sine, (position, i, half) => Math.Sin(position * Math.Pow(Base, -i / (double)half)));
        }
    }

    private static void Upload(TensorTransfer transfer, Tensor table, Func<long, long, long, double> value)
    {
        long columns = table[1];
        transfer.Upload(table, table.Count, (offset, floats) =>
        {
            for (int i = 0; i < floats.Length; i++)
            {
                floats[i] = (float)value((offset + i) / columns, (offset + i) % columns, columns);
            }
        });
    }
}
