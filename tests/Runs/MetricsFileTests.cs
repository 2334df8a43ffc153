using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Text.Json;
using GptEngine.Engine.Runs;
using NUnit.Framework;

namespace GptEngine.Tests.Runs;

public sealed class MetricsFileTests
{
    private string _path = "";

    [SetUp]
    public void SetUp() => _path = Path.Combine(Directory.CreateTempSubdirectory("metrics").FullName, "metrics.jsonl");

    [TearDown]
    public void TearDown() => Directory.Delete(Path.GetDirectoryName(_path)!, recursive: true);

    [Test]
    public void WriteStep_FloatsReadBackBitForBit()
    {
        float loss = 10.8249035f + float.BitIncrement(0.1f);
        float norm = float.BitIncrement(1.0f / 3);
        using (MetricsFile file = MetricsFile.Open(_path, 0, _ => { }))
        {
            file.WriteStep(1, 501_760, loss, 6e-5f, norm, 1234.5678, double.NaN, 0.25);
            file.WriteStep(2, 1_003_520, float.NaN, 6e-5f, float.PositiveInfinity, 1234, 0.5, 0.25);
            file.WriteEvaluation(2, 3.25, 25.79);
        }

        string[] lines = File.ReadAllLines(_path);
        JsonElement first = JsonDocument.Parse(lines[0]).RootElement;
        JsonElement second = JsonDocument.Parse(lines[1]).RootElement;
        Assert.Multiple(() =>
        {
            Assert.That(lines, Has.Length.EqualTo(3));
            Assert.That(first.GetProperty("loss").GetSingle(), Is.EqualTo(loss));
            Assert.That(first.GetProperty("grad_norm").GetSingle(), Is.EqualTo(norm));
            Assert.That(first.GetProperty("mfu").ValueKind, Is.EqualTo(JsonValueKind.Null));
            Assert.That(second.GetProperty("loss").ValueKind, Is.EqualTo(JsonValueKind.Null));
            Assert.That(second.GetProperty("tokens").GetInt64(), Is.EqualTo(1_003_520));
            Assert.That(lines[2], Is.EqualTo("""{"kind":"eval","step":2,"loss":3.25,"perplexity":25.79}"""));
        });
    }

    [Test]
    public void Open_AfterACrash_DropsTornAndLaterLinesAndKeepsThemAside()
    {
        using (MetricsFile file = MetricsFile.Open(_path, 0, _ => { }))
        {
            for (int step = 1; step <= 25; step++)
            {
                file.WriteStep(step, step, step, 1, 1, 1, 1, 1);
            }
        }

        File.AppendAllText(_path, """{"kind":"train","ste""");
        var earlier = new List<MetricsLine>();
        using (MetricsFile file = MetricsFile.Open(_path, 20, earlier.Add))
        {
            file.WriteStep(21, 21, 21, 1, 1, 1, 1, 1);
        }

        Assert.Multiple(() =>
        {
            Assert.That(earlier.Select(line => line.Loss), Is.EqualTo(Enumerable.Range(1, 20)));
            Assert.That(MetricsFile.Read(_path).Select(line => line.Step), Is.EqualTo(Enumerable.Range(1, 21)));
            Assert.That(Path.Combine(Path.GetDirectoryName(_path)!, "metrics.until-step-00000025.jsonl"), Does.Exist);
        });
    }
}
