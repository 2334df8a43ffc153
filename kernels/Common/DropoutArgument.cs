using System.Runtime.InteropServices;

namespace GptEngine.Kernels.Common;

/// <summary>Dropout as kernels take it: the structure of <c>dropout.cuh</c>.</summary>
[StructLayout(LayoutKind.Sequential)]
internal readonly struct DropoutArgument
{
    private readonly nuint _sequenceIndex;
    private readonly nuint _scalars;
    private readonly uint _threshold;
    private readonly float _scale;
    private readonly uint _site;
    private readonly int _time;

    /// <summary>For <paramref name="rows"/> rows; all zero where there is no dropout, and the kernels without it do not look.</summary>
    public DropoutArgument(in Dropout dropout, long rows)
    {
        if (dropout.IsActive)
        {
            _sequenceIndex = dropout.SequenceIndex!.Address;
            _scalars = dropout.Scalars!.Address;
            _threshold = dropout.Threshold;
            _scale = dropout.Scale;
            _site = (uint)dropout.Site;
            _time = (int)(rows / dropout.SequenceIndex.Count);
        }
    }
}
