using System.IO;
using System.Linq;
using GptEngine.Runtime.Cuda;
using NUnit.Framework;

namespace GptEngine.Tests.Simulator;

public sealed class DriverTests
{
    [Test]
    public void Saxpy_FromNvrtcPtx_ComputesAndCounts()
    {
        using var run = new KernelRun(File.ReadAllText(Path.Combine(TestContext.CurrentContext.TestDirectory, "Golden", "ptx", "basics.sm70.ptx")));
        const int n = 1000;
        float[] x = [.. Enumerable.Range(0, n).Select(i => i * 0.5f)];
        float[] y = [.. Enumerable.Range(0, n).Select(i => 100f - i)];
        DevicePointer dx = run.Upload(x);
        DevicePointer dy = run.Upload(y);
        var report = run.Launch("saxpy", 4, 256, 0, n, 2f, dx, dy);
        Assert.That(run.Findings, Is.Empty, string.Join("\n", run.Findings));
        Assert.That(run.Download<float>(dy, n), Is.EqualTo(x.Zip(y, (a, b) => (2f * a) + b)));
        Assert.That(report.Counters.GlobalLoadBytes, Is.EqualTo(8 * n));
    }
}
