using Microsoft.Win32.SafeHandles;

namespace GptEngine.Engine.Data.Preparation;

/// <summary>A ZSTD_DStream.</summary>
internal sealed class ZstandardHandle : SafeHandleZeroOrMinusOneIsInvalid
{
    public ZstandardHandle(nint handle)
        : base(ownsHandle: true) => SetHandle(handle);

    protected override bool ReleaseHandle()
    {
        _ = ZstandardLibrary.FreeDStream(handle);
        return true;
    }
}
