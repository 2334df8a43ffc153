using System;
using GptEngine.Runtime.Native;
using NUnit.Framework;
using NUnit.Framework.Interfaces;
using NUnit.Framework.Internal;

namespace GptEngine.Tests;

/// <summary>
/// Skips where the machine has no NVRTC, with the reason; fails there where <c>GPTENGINE_REQUIRE_NVRTC</c> is 1, as in CI.
/// </summary>
[AttributeUsage(AttributeTargets.Class | AttributeTargets.Method)]
public sealed class RequiresNvrtcAttribute : NUnitAttribute, IApplyToTest
{
    public void ApplyToTest(Test test)
    {
        ArgumentNullException.ThrowIfNull(test);
        NativeLibraryOpening nvrtc = NativeLibraries.TryOpen(NativeLibraryName.Nvrtc);
        if (!nvrtc.IsOpen && Environment.GetEnvironmentVariable("GPTENGINE_REQUIRE_NVRTC") != "1")
        {
            test.RunState = RunState.Ignored;
            test.Properties.Set(PropertyNames.SkipReason, nvrtc.Describe());
        }
    }
}
