using System.Runtime.InteropServices;

namespace GptEngine.Runtime.Native.Nccl;

/// <summary>
/// The part of NCCL's C interface that the program uses, as nccl.h of 2.10 to 2.31 has it; what came later says since when. Sizes are size_t,
/// enumerations int, communicators and streams pointers. Every call returns a result, to be handed to <see cref="NcclResults"/>.
/// </summary>
internal static unsafe partial class NcclNative
{
    /// <summary>The oldest version that is bound: the first with bf16 sums.</summary>
    internal const int OldestVersion = 21000;

    /// <summary>The first with <see cref="ncclGetLastError"/>.</summary>
    internal const int LastErrorVersion = 21300;

    /// <summary>The first with <see cref="ncclCommInitRankConfig"/>, <see cref="ncclCommFinalize"/> and calls that do not block.</summary>
    internal const int ConfigurationVersion = 21400;

    /// <summary>The first with <see cref="ncclCommRegister"/>.</summary>
    internal const int RegistrationVersion = 21900;

    internal const int Success = 0, InProgress = 7;
    internal const int TypeInt32 = 2, TypeFloat16 = 6, TypeFloat32 = 7, TypeFloat64 = 8, TypeBFloat16 = 9;
    internal const int Sum = 0;

    private const string Library = "nccl";

    [LibraryImport(Library)]
    internal static partial int ncclGetVersion(out int version);

    [LibraryImport(Library)]
    internal static partial int ncclGetUniqueId(out NcclUniqueId id);

    [LibraryImport(Library)]
    internal static partial int ncclCommInitRank(out nint communicator, int ranks, NcclUniqueId id, int rank);

    [LibraryImport(Library)]
    internal static partial int ncclCommInitRankConfig(out nint communicator, int ranks, NcclUniqueId id, int rank, NcclConfiguration* configuration);

    [LibraryImport(Library)]
    internal static partial int ncclCommFinalize(nint communicator);

    [LibraryImport(Library)]
    internal static partial int ncclCommDestroy(nint communicator);

    [LibraryImport(Library)]
    internal static partial int ncclCommAbort(nint communicator);

    [LibraryImport(Library)]
    internal static partial int ncclCommGetAsyncError(nint communicator, out int state);

    [LibraryImport(Library)]
    internal static partial byte* ncclGetErrorString(int result);

    [LibraryImport(Library)]
    internal static partial byte* ncclGetLastError(nint communicator);

    [LibraryImport(Library)]
    internal static partial int ncclCommRegister(nint communicator, nuint address, nuint bytes, out nint handle);

    [LibraryImport(Library)]
    internal static partial int ncclCommDeregister(nint communicator, nint handle);

    /// <summary>What the calling thread gives NCCL from here on waits for <see cref="ncclGroupEnd"/>, and becomes one launch.</summary>
    [LibraryImport(Library)]
    internal static partial int ncclGroupStart();

    [LibraryImport(Library)]
    internal static partial int ncclGroupEnd();

    [LibraryImport(Library)]
    internal static partial int ncclAllReduce(nuint source, nuint target, nuint count, int type, int operation, nint communicator, nint stream);

    /// <param name="count">Elements of the target.</param>
    [LibraryImport(Library)]
    internal static partial int ncclReduceScatter(nuint source, nuint target, nuint count, int type, int operation, nint communicator, nint stream);

    /// <param name="count">Elements of the source.</param>
    [LibraryImport(Library)]
    internal static partial int ncclAllGather(nuint source, nuint target, nuint count, int type, nint communicator, nint stream);

    [LibraryImport(Library)]
    internal static partial int ncclBroadcast(nuint source, nuint target, nuint count, int type, int root, nint communicator, nint stream);
}
