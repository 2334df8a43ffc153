using System.Collections.Generic;
using System.Globalization;
using GptEngine.Engine.Benchmarking;
using GptEngine.Engine.Configuration;
using GptEngine.Runtime.Cuda;

namespace GptEngine.Engine.SelfTesting;

/// <summary>
/// What the device does at best, by a large copy and a large matrix product. It says whether the machine is as fast as it should be; only a
/// device that does nothing fails.
/// </summary>
internal static class RatePart
{
    public const string Name = "rates";

    public static IEnumerable<SelfTestRow> Run(SelfTestMachine machine, SelfTestPlan plan, Precision precision)
    {
        bool copies = precision == Precision.Fp32 && plan.Wants($"{Name} {EnumNames.Of(precision)} copy");
        bool multiplies = plan.Wants($"{Name} {EnumNames.Of(precision)} matrix product");
        if (!copies && !multiplies)
        {
            yield break;
        }

        using var opened = new OpenedOperations(machine.Open(precision, true));
        if (copies)
        {
            double bytes = MachinePeaks.MeasureBandwidth(opened.Operations);
            double sheet = opened.Operations.Device is GpuDevice gpu ? gpu.Driver.Properties.MemoryBandwidth : 0;
            string share = sheet > 0 ? string.Create(CultureInfo.InvariantCulture, $", {100 * bytes / sheet:0} % of the memory's {sheet / 1e9:N0}") : "";
            yield return Row(precision, "copy", bytes, string.Create(CultureInfo.InvariantCulture, $"{bytes / 1e9:N0} GB/s, reads and writes counted{share}"));
        }

        if (multiplies)
        {
            double flops = MachinePeaks.MeasureFlops(opened.Operations);
            yield return Row(precision, "matrix product", flops, string.Create(CultureInfo.InvariantCulture, $"{flops / 1e12:N2} TFLOP/s"));
        }
    }

    private static SelfTestRow Row(Precision precision, string name, double rate, string note) =>
        new(Name, precision, name, "", double.IsFinite(rate) && rate > 0, null, null, note);
}
