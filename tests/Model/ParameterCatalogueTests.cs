using System;
using System.Linq;
using GptEngine.Engine.Configuration;
using GptEngine.Engine.Model;
using NUnit.Framework;

namespace GptEngine.Tests.Model;

public sealed class ParameterCatalogueTests
{
    [TestCase(1728, 24, 18, 128, 1_034_120_017)]
    [TestCase(1024, 16, 16, 256, 304_469_073)]
    [TestCase(512, 12, 8, 256, 89_324_625)]
    public void Count_OfPresets_IsExact(int channels, int layers, int heads, int context, long expected)
    {
        var model = new ModelConfiguration { DModel = channels, NLayers = layers, NHeads = heads, ContextLength = context };
        Assert.That(new ParameterCatalogue(model).ParameterCount, Is.EqualTo(expected));
    }

    [Test]
    public void Count_OfGpt2_IsTheKnownOne()
    {
        var model = new ModelConfiguration
        {
            DModel = 768,
            NLayers = 12,
            NHeads = 12,
            ContextLength = 1024,
            Positions = PositionKind.Learned,
            QkvBias = true,
            HeadBias = false,
            TieEmbeddings = true,
        };
        Assert.That(new ParameterCatalogue(model).ParameterCount, Is.EqualTo(124_439_808));
    }

    [Test]
    public void Arena_DecayedFirst_NoOverlaps_Aligned()
    {
        var catalogue = new ParameterCatalogue(new ModelConfiguration { DModel = 24, NLayers = 2, NHeads = 3, VocabSize = 97, QkvBias = true });
        long end = 0;
        foreach (ParameterSpec parameter in catalogue.Parameters)
        {
            Assert.That(parameter.Offset, Is.GreaterThanOrEqualTo(end), parameter.Name);
            Assert.That(parameter.Offset % ParameterCatalogue.OffsetUnit, Is.Zero, parameter.Name);
            Assert.That(parameter.Offset < catalogue.DecayCount, Is.EqualTo(parameter.Decays), parameter.Name);
            Assert.That(parameter.Decays, Is.EqualTo(parameter.Columns > 0), parameter.Name);
            end = parameter.Offset + parameter.MemoryCount;
        }

        Assert.That(catalogue.ArenaCount, Is.GreaterThanOrEqualTo(end));
        Assert.That(catalogue["head.weight"].MemoryRows, Is.EqualTo(128));
        Assert.That(catalogue["head.bias"].MemoryRows, Is.EqualTo(128));
    }

    [Test]
    public void Initialisation_IsNormal_ByName_AndInAnyPieces()
    {
        var catalogue = new ParameterCatalogue(new ModelConfiguration { DModel = 64, NLayers = 2, NHeads = 4, VocabSize = 997 });
        float[] whole = new float[997 * 64];
        WeightInitialiser.Fill(catalogue["head.weight"], 2, 5, 0, whole);
        float[] piece = new float[1001];
        WeightInitialiser.Fill(catalogue["head.weight"], 2, 5, 4000, piece);
        float[] embedding = new float[997 * 64];
        WeightInitialiser.Fill(catalogue["token_embedding.weight"], 2, 5, 0, embedding);
        float[] projection = new float[64 * 256];
        WeightInitialiser.Fill(catalogue["blocks.1.mlp.down.weight"], 2, 5, 0, projection);
        Assert.Multiple(() =>
        {
            Assert.That(piece, Is.EqualTo(whole[4000..5001]));
            Assert.That(embedding, Is.Not.EqualTo(whole));

            // Six standard errors of the mean and of the deviation.
            Assert.That(whole.Average(x => (double)x), Is.Zero.Within(6 * 0.02 / Math.Sqrt(whole.Length)));
            Assert.That(Deviation(whole), Is.EqualTo(0.02).Within(6 * 0.02 / Math.Sqrt(2.0 * whole.Length)));
            Assert.That(Deviation(projection), Is.EqualTo(0.01).Within(6 * 0.01 / Math.Sqrt(2.0 * projection.Length)));
        });
    }

    private static double Deviation(float[] values) => Math.Sqrt(values.Average(x => (double)x * x));
}
