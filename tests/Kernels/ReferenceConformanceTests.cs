using GptEngine.Kernels.Common;

namespace GptEngine.Tests.Kernels;

/// <summary>The plain references in single precision, on the oracle's terms: the suite itself is sound.</summary>
public sealed class ReferenceConformanceTests : OperationsConformance
{
    protected override IOperations Create() => new ReferenceOperations<float>(new ReferenceDevice());
}
