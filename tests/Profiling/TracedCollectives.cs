using GptEngine.Runtime.Communication;
using GptEngine.Runtime.Cuda;
using GptEngine.Runtime.Memory;

namespace GptEngine.Tests.Profiling;

/// <summary>
/// Collectives that move nothing, and that a stand-in for CUPTI records as NCCL's kernels, on a stream of their own. The listener hears of
/// them where they are enqueued, as with NCCL.
/// </summary>
internal sealed class TracedCollectives(RankControl control, FakeCupti cupti, TracedDriver driver) : Communicator
{
    private readonly GpuStream _stream = driver.CreateStream();

    public override int Rank => control.Rank;

    public override int WorldSize => control.WorldSize;

    public override string Transport => "none";

    public override void Follow()
    {
        // Nothing is moved, so nothing need wait.
    }

    public override void Join()
    {
        // As above.
    }

    public override void AllReduce(Tensor tensor) => Launch("_Z38ncclDevKernel_AllReduce_Sum_f32_RING_LL24ncclDevKernelArgsStorageILm4096EE");

    public override void ReduceScatter(Tensor tensor, Tensor shard) => Launch("ncclKernel_ReduceScatter_RING_LL_Sum_float");

    public override void AllGather(Tensor shard, Tensor tensor) => Launch("ncclKernel_AllGather_RING_LL_Sum_int8_t");

    public override void Broadcast(Tensor tensor, int root) => Launch("ncclKernel_Broadcast_RING_LL_Sum_int8_t");

    public override void ThrowIfFailed() => control.ThrowIfFailed();

    public override void Abort(string reason) => control.Fail(reason);

    protected override void Dispose(bool disposing)
    {
        // Holds nothing.
    }

    private void Launch(string name)
    {
        Listener?.Begin(_stream);
        cupti.LaunchCompiled(name, new LaunchShape(4, 512), driver.Number(_stream));
        Listener?.End(_stream);
    }
}
