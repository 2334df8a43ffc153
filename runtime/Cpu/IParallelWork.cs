namespace GptEngine.Runtime.Cpu;

/// <summary>
/// Work over the items 0 … count−1 that <see cref="CpuThreadPool"/> splits among its workers. Implement it on a struct: it is passed as
/// a type parameter, so that the call is direct and nothing is allocated. All workers see the same copy.
/// </summary>
public interface IParallelWork
{
    /// <summary>Does the items [<paramref name="begin"/>, <paramref name="end"/>); called at once on several threads with disjoint
    /// ranges.</summary>
    /// <param name="begin">First item.</param>
    /// <param name="end">One past the last item.</param>
    /// <param name="worker">Which worker runs it, in [0, <see cref="CpuThreadPool.ThreadCount"/>): the index of its scratch memory.</param>
    void Run(int begin, int end, int worker);
}
