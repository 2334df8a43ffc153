using System.IO;
using GptEngine.Engine.Configuration;
using GptEngine.Gpt;
using GptEngine.Runtime;
using NUnit.Framework;

namespace GptEngine.Tests.Configuration;

public sealed class ConfigurationLayersTests
{
    [Test]
    public void Build_LaterLayersOverrideEarlier()
    {
        RunConfiguration configuration = new ConfigurationLayers()
            .AddPreset("gpt-89m")
            .AddJson("""{ /* a comment */ "model": { "n_layers": 3, }, }""", "test")
            .AddAssignment("optimizer.learning_rate=3e-4")
            .AddAssignment("training.acc_batch_size=1_000_000")
            .AddAssignment("model.positions=rotary")
            .AddAssignment("model.document_mask=false")
            .Build();
        Assert.Multiple(() =>
        {
            Assert.That(configuration.Model.NLayers, Is.EqualTo(3));
            Assert.That(configuration.Model.DModel, Is.EqualTo(512));
            Assert.That(configuration.Optimizer.LearningRate, Is.EqualTo(3e-4f));
            Assert.That(configuration.Training.AccBatchSize, Is.EqualTo(1_000_000));
            Assert.That(configuration.Training.MicroBatch, Is.EqualTo(70));
            Assert.That(configuration.Model.Positions, Is.EqualTo(PositionKind.Rotary));
            Assert.That(configuration.Model.DocumentMask, Is.False);
        });
    }

    [Test]
    public void Build_BatchSizeTakesBackThePresetsMicroBatch()
    {
        RunConfiguration configuration = new ConfigurationLayers().AddPreset("gpt-89m").AddAssignment("training.batch_size=4").Build();
        Assert.Multiple(() =>
        {
            Assert.That(configuration.Training.BatchSize, Is.EqualTo(4));
            Assert.That(configuration.Training.MicroBatch, Is.Null);
        });
    }

    [TestCase("""{ "modle": {} }""", "'modle'", "'model'")]
    [TestCase("""{ "model": { "n_layer": 2 } }""", "'model.n_layer'", "'model.n_layers'")]
    [TestCase("""{ "model": { "n_layers": "two" } }""", "model.n_layers", "whole number")]
    [TestCase("""{ "model": { "n_layers": 2.5 } }""", "model.n_layers", "2.5")]
    [TestCase("""{ "model": { "positions": "cosine" } }""", "model.positions", "sinusoidal, learned, rotary")]
    [TestCase("""{ "model": 3 }""", "'model'", "section")]
    [TestCase("""[1, 2]""", "test", "JSON object")]
    [TestCase("""{ "model": { "n_layers": """, "test", "not valid JSON")]
    [TestCase("""{ "training": { "batch_size": 2, "micro_batch": 2 } }""", "training.batch_size", "not both")]
    public void AddJson_RefusesWithTheNameAndTheRemedy(string json, string name, string remedy)
    {
        UserErrorException error = Assert.Throws<UserErrorException>(() => new ConfigurationLayers().AddJson(json, "test"))!;
        Assert.Multiple(() =>
        {
            Assert.That(error.ExitCode, Is.EqualTo(ExitCode.Usage));
            Assert.That(error.Message, Does.Contain(name).And.Contain(remedy));
            Assert.That(error.Message, Does.Not.Contain("\n"));
        });
    }

    [TestCase("model.n_layers", "section.key=value")]
    [TestCase("model.n_layerz=2", "'model.n_layers'")]
    [TestCase("model.n_layers=2.5", "whole number")]
    [TestCase("model.n_layers=99999999999", "2,147,483,647")]
    [TestCase("model.document_mask=yes", "true nor false")]
    [TestCase("optimizer.learning_rate=fast", "not a number")]
    [TestCase("optimizer.learning_rate=NaN", "not a number")]
    public void AddAssignment_Refuses(string assignment, string part)
    {
        UserErrorException error = Assert.Throws<UserErrorException>(() => new ConfigurationLayers().AddAssignment(assignment))!;
        Assert.That(error.ExitCode, Is.EqualTo(ExitCode.Usage));
        Assert.That(error.Message, Does.Contain(part));
    }

    [TestCase("model.n_heads=7", "does not divide")]
    [TestCase("model.vocab_size=70000", "65536")]
    [TestCase("model.vocab_size=1000", "data.document_token")]
    [TestCase("optimizer.x1=1", "before optimizer.x0")]
    [TestCase("training.max_bad_steps=0", "training.max_bad_steps")]
    public void Build_RefusesWhatDoesNotFit(string assignment, string part)
    {
        ConfigurationLayers layers = new ConfigurationLayers().AddAssignment(assignment);
        UserErrorException error = Assert.Throws<UserErrorException>(() => layers.Build())!;
        Assert.That(error.Message, Does.Contain(part));
    }

    [Test]
    public void AddFile_RefusesWhatIsMissingOrHuge()
    {
        string path = Path.Combine(TestContext.CurrentContext.WorkDirectory, Path.GetRandomFileName());
        Assert.That(() => new ConfigurationLayers().AddFile(path), Throws.TypeOf<UserErrorException>().With.Message.Contains(path));
        File.WriteAllBytes(path, new byte[ConfigurationLayers.MaxFileBytes + 1]);
        Assert.That(() => new ConfigurationLayers().AddFile(path), Throws.TypeOf<UserErrorException>().With.Message.Contains("no configuration file"));
        File.Delete(path);
    }

    [Test]
    public void EveryPreset_IsValidAndSurvivesARoundTrip([ValueSource(typeof(PresetCatalog), nameof(PresetCatalog.Names))] string name)
    {
        RunConfiguration preset = new ConfigurationLayers().AddPreset(name).Build();
        Assert.That(new ConfigurationLayers().AddConfiguration(preset, "round trip").Build(), Is.EqualTo(preset));
    }

    [Test]
    public void AddPreset_UnknownName_NamesTheNearest() => Assert.That(
        () => new ConfigurationLayers().AddPreset("gpt-88m"), Throws.TypeOf<UserErrorException>().With.Message.Contains("'gpt-89m'"));
}
