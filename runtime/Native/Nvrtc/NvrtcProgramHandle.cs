using System.Runtime.InteropServices;

namespace GptEngine.Runtime.Native.Nvrtc;

/// <summary>Owns an <c>nvrtcProgram</c>.</summary>
internal sealed class NvrtcProgramHandle : SafeHandle
{
    public NvrtcProgramHandle(nint program)
        : base(0, ownsHandle: true) => SetHandle(program);

    public override bool IsInvalid => handle == 0;

    /// <inheritdoc/>
    protected override bool ReleaseHandle()
    {
        nint program = handle;
        return NvrtcNative.nvrtcDestroyProgram(ref program) == NvrtcResult.Success;
    }
}
