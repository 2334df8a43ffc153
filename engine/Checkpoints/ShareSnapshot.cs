using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Runtime.InteropServices;
using GptEngine.Engine.Model;
using GptEngine.Engine.Ranks;
using GptEngine.Runtime.Devices;
using GptEngine.Runtime.Memory;
using Microsoft.Win32.SafeHandles;

namespace GptEngine.Engine.Checkpoints;

/// <summary>
/// This rank's share of what a checkpoint holds, copied to pinned host memory between two steps, so that it can be written while the steps
/// go on changing the original.
/// </summary>
internal sealed class ShareSnapshot : IDisposable
{
    // Elements converted and written at once.
    private const int ChunkElements = 1 << 20;

    private readonly Device _device;
    private readonly List<Piece> _pieces = [];
    private readonly PinnedBuffer _copy;

    /// <exception cref="Runtime.UserErrorException">There is not enough host memory for the copy.</exception>
    public ShareSnapshot(Device device, TrainingTensors tensors, CheckpointLayout layout)
    {
        _device = device;
        long end = 0;
        foreach ((string file, string prefix, ArenaShard shard) in (ReadOnlySpan<(string, string, ArenaShard)>)
        [
            (ModelFile.WeightsName, "", tensors.Parameters.MasterShard),
            (CheckpointLayout.OptimizerName, CheckpointLayout.FirstMomentPrefix, tensors.FirstMoment),
            (CheckpointLayout.OptimizerName, CheckpointLayout.SecondMomentPrefix, tensors.SecondMoment),
        ])
        {
            foreach (ParameterSpec parameter in tensors.Parameters.Catalogue.Parameters)
            {
                long start = layout.Files[file].OffsetOf(prefix + parameter.Name);
                foreach ((long first, Tensor memory) in shard.PiecesOf(parameter))
                {
                    _pieces.Add(new Piece(file, start + (first * sizeof(float)), memory, end));
                    end += memory.Bytes;
                }
            }
        }

        _copy = device.AllocatePinned(end);
    }

    /// <summary>Copies the share as the work enqueued so far leaves it; waits until it is here.</summary>
    public void Take()
    {
        foreach (Piece piece in _pieces)
        {
            _device.Download(piece.Source, _copy, piece.At);
        }

        _device.Synchronize();
    }

    /// <summary>Writes the copy to its places in the files of a folder, and flushes them to disk.</summary>
    /// <exception cref="IOException">The disk refuses.</exception>
    public void Write(string folder) => Write(folder, isTaken: true);

    /// <summary>Writes the share as it stands, piece by piece through a little of the copy's memory: for when no step goes on meanwhile.</summary>
    /// <exception cref="IOException">The disk refuses.</exception>
    public void WriteThrough(string folder) => Write(folder, isTaken: false);

    public void Dispose() => _copy.Dispose();

    private void Write(string folder, bool isTaken)
    {
        float[] floats = [];
        foreach (IGrouping<string, Piece> file in _pieces.GroupBy(piece => piece.File))
        {
            using SafeFileHandle handle = File.OpenHandle(
                Path.Combine(folder, file.Key), FileMode.Open, FileAccess.Write, FileShare.ReadWrite);
            foreach (Piece piece in file)
            {
                Write(handle, piece, isTaken, ref floats);
            }

            RandomAccess.FlushToDisk(handle);
        }
    }

    private void Write(SafeFileHandle handle, in Piece piece, bool isTaken, ref float[] floats)
    {
        int size = piece.Source.Type.SizeInBytes();
        for (long first = 0; first < piece.Source.Count; first += ChunkElements)
        {
            int count = (int)Math.Min(ChunkElements, piece.Source.Count - first);
            long at = piece.At + (first * size);
            if (!isTaken)
            {
                at = 0;
                _device.Download(piece.Source.View(piece.Source.Name, first, count), _copy, at);
                _device.Synchronize();
            }

            ReadOnlySpan<byte> bytes = _copy.AsSpan<byte>(at, count * size);
            if (piece.Source.Type != DataType.Float32)
            {
                floats = floats.Length < count ? new float[count] : floats;
                ElementConversion.ToFloats(bytes, piece.Source.Type, floats.AsSpan(0, count));
                bytes = MemoryMarshal.AsBytes(floats.AsSpan(0, count));
            }

            RandomAccess.Write(handle, bytes, piece.Place + (first * sizeof(float)));
        }
    }

    /// <param name="File">The file's name.</param>
    /// <param name="Place">The byte of the file where it starts.</param>
    /// <param name="Source">Where it is on the device.</param>
    /// <param name="At">The byte of the copy where it starts.</param>
    private readonly record struct Piece(string File, long Place, Tensor Source, long At);
}
