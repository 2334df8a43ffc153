using System;
using System.Threading;

namespace GptEngine.Engine.Data.Preparation;

/// <summary>A block on its way through the pipeline. There is a fixed number of them, which bounds the memory in use.</summary>
internal sealed class WorkItem : IDisposable
{
    public Block Block { get; set; }

    /// <summary>Index into the list of sources.</summary>
    public int Source { get; set; }

    /// <summary>Bytes of all inputs, as stored, that have been read when this block was.</summary>
    public long BytesRead { get; set; }

    public EncodedBlock Result { get; } = new();

    public ManualResetEventSlim Encoded { get; } = new();

    public void Dispose() => Encoded.Dispose();
}
