using System;
using System.Collections.Generic;
using GptEngine.Runtime.Cuda;
using GptEngine.Runtime.Memory;

namespace GptEngine.Kernels.Common.Cuda;

/// <summary>
/// The head's rows in chunks, each as views of the tensors that it was called with. Made when first called with them and kept until called
/// with others, so that a step makes none.
/// </summary>
internal sealed class HeadChunks
{
    private readonly Tensor _x;
    private readonly Tensor _targets;
    private readonly Tensor _losses;
    private readonly DevicePointer _logits;

    public HeadChunks(Tensor x, Tensor targets, Tensor losses, long padded, DevicePointer logits, long rowsPerChunk)
    {
        (_x, _targets, _losses, _logits) = (x, targets, losses, logits);
        var chunks = new List<Chunk>();
        for (long first = 0; first < x[0]; first += rowsPerChunk)
        {
            long rows = Math.Min(rowsPerChunk, x[0] - first);
            chunks.Add(new Chunk(
                first,
                new Tensor("head.logits", x.Type, (nuint)logits.Address, rows, padded),
                targets.View(targets.Name, first, rows),
                losses.View(losses.Name, first, rows)));
        }

        Chunks = [.. chunks];
    }

    public Chunk[] Chunks { get; }

    public bool AreOf(Tensor x, Tensor targets, Tensor losses, DevicePointer logits) =>
        ReferenceEquals(_x, x) && ReferenceEquals(_targets, targets) && ReferenceEquals(_losses, losses) && _logits == logits;

    /// <param name="FirstRow">Of x.</param>
    /// <param name="Logits">(rows, P) x, in scratch.</param>
    /// <param name="Targets">(rows) int32.</param>
    /// <param name="Losses">(rows) fp32.</param>
    public sealed record Chunk(long FirstRow, Tensor Logits, Tensor Targets, Tensor Losses);
}
