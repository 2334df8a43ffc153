using System;
using GptEngine.Runtime.Memory;

namespace GptEngine.Kernels.Common.Cpu;

/// <summary>A dropout site with its scalars read: gives each row's multipliers, 0 or 1/(1 − probability).</summary>
internal readonly unsafe struct DropoutMask
{
    private readonly int* _sequences;
    private readonly long _time;
    private readonly ulong _key;
    private readonly uint _stepAndSite;
    private readonly uint _threshold;
    private readonly float _scale;

    public DropoutMask(in Dropout dropout, long rows)
    {
        IsActive = dropout.IsActive;
        if (!IsActive)
            return;

        Tensor sequences = dropout.SequenceIndex ?? throw new ArgumentException("Active dropout needs the sequence indices.", nameof(dropout));
        Tensor scalarsTensor = dropout.Scalars ?? throw new ArgumentException("Active dropout needs the step scalars.", nameof(dropout));
        uint* scalars = (uint*)scalarsTensor.Address;
        _sequences = (int*)sequences.Address;
        _time = rows / sequences.Count;
        _key = scalars[(int)StepScalar.SeedLow] | ((ulong)scalars[(int)StepScalar.SeedHigh] << 32);
        _stepAndSite = (scalars[(int)StepScalar.Step] << Dropout.SiteBits) + (uint)dropout.Site;
        _threshold = dropout.Threshold;
        _scale = dropout.Scale;
    }

    public bool IsActive { get; }

    /// <summary>Writes the multipliers of row <paramref name="row"/>.</summary>
    public void Fill(long row, int channels, float* multipliers)
    {
        uint sequence = (uint)_sequences[row / _time];
        uint t = (uint)(row % _time);
        for (int c = 0; c < channels; c += 4)
        {
            (uint x, uint y, uint z, uint w) = Philox.Draw(_key, (uint)c / 4, t, sequence, _stepAndSite);
            multipliers[c] = x >= _threshold ? _scale : 0;
            if (c + 1 < channels)
                multipliers[c + 1] = y >= _threshold ? _scale : 0;
            if (c + 2 < channels)
                multipliers[c + 2] = z >= _threshold ? _scale : 0;
            if (c + 3 < channels)
                multipliers[c + 3] = w >= _threshold ? _scale : 0;
        }
    }
}
