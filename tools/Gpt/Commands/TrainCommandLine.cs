using System;
using System.CommandLine;
using System.IO;
using System.Text.Json;
using GptEngine.Engine.Benchmarking;
using GptEngine.Engine.Configuration;
using GptEngine.Engine.Data;
using GptEngine.Engine.Runs;
using GptEngine.Engine.Tokenization;
using GptEngine.Engine.Training;
using GptEngine.Gpt.CommandLine;
using GptEngine.Gpt.Terminal;
using GptEngine.Runtime;

namespace GptEngine.Gpt.Commands;

/// <summary><c>gpt train</c>: a run from its first step, or on from a checkpoint.</summary>
internal sealed class TrainCommandLine
{
    private readonly ConfigurationOptions _configuration = new();
    private readonly DeviceOptions _device = new();
    private readonly Option<string?> _data = new("--data") { Description = "The folder that gpt prepare wrote (data.path)", HelpName = "DIR" };
    private readonly Option<string?> _run = new("--run") { Description = "The run's folder; by default one of its own under runs/", HelpName = "DIR" };
    private readonly Option<string?> _init = new("--init") { Description = "Start from the weights in this folder", HelpName = "DIR" };
    private readonly Option<string?> _resume = new("--resume")
    {
        Description = "Go on from the run's newest checkpoint, or from the one named (step-00002000)",
        HelpName = "CHECKPOINT",
        Arity = ArgumentArity.ZeroOrOne,
    };

    private readonly Option<long?> _steps = new("--steps") { Description = "Optimizer steps in all (training.steps)", HelpName = "N" };

    public static Command Create()
    {
        var self = new TrainCommandLine();
        var command = new Command("train", "Trains a model, writing metrics, samples, a plot and checkpoints to a run folder.");
        self._configuration.AddTo(command);
        command.Options.Add(self._data);
        command.Options.Add(self._run);
        command.Options.Add(self._init);
        command.Options.Add(self._resume);
        command.Options.Add(self._steps);
        self._device.AddTo(command);
        command.SetAction(self.Run);
        return command;
    }

    private int Run(ParseResult call)
    {
        bool resumes = call.GetResult(_resume) is not null;
        string path = RunPath(call, resumes);
        RunConfiguration configuration = Configure(call, path, resumes);
        ITokenizer tokenizer = Tokenizers.Get(EnumNames.Of(configuration.Data.Tokenizer));
        using OpenDevice device = _device.Open(call, configuration.Training.Precision);
        using var folder = new RunFolder(path);
        using var console = new TrainingConsole(configuration.Training.Steps, tokenizer, configuration.Training.SamplePrompt);
        using var recorder = new RunRecorder(folder, Title(configuration, folder), tokenizer, configuration.Training.SamplePrompt);
        using TrainingSession session = TrainingSession.Create(configuration, device.Operations, new TrainingSessionOptions
        {
            RunFolder = folder.Root,
            Resume = resumes,
            ResumeFrom = call.GetValue(_resume),
            InitFolder = call.GetValue(_init),
            SamplePrompt = configuration.Training.SampleEvery > 0 ? tokenizer.Encode(configuration.Training.SamplePrompt) : null,
            SampleVocabulary = tokenizer.VocabularySize,
            PeakFlops = PeakTable.Load(path: null).FlopsPerSecond(device.Operations.Device.Name, configuration.Training.Precision),
            Observers = [console, recorder],
        });
        RunFolder.Replace(folder.Configuration, JsonSerializer.Serialize(Resolve(configuration), ConfigurationJson.Default.RunConfiguration) + "\n");
        using var interruption = new Interruption("Finishing the step and writing a checkpoint");
        TrainingOutcome outcome = session.Run(interruption.Token);
        console.OnNote(outcome == TrainingOutcome.Completed
            ? $"Done. The run is in {folder.Root}; its plot is {folder.Plot}."
            : $"Interrupted after step {session.Step}. 'gpt train --run {path} --resume' goes on.");
        return (int)(outcome == TrainingOutcome.Completed ? ExitCode.Success : ExitCode.Interrupted);
    }

    private string RunPath(ParseResult call, bool resumes)
    {
        if (call.GetValue(_run) is { } path)
        {
            return path;
        }

        return resumes
            ? throw new UserErrorException("--resume needs the run to go on with: name its folder with --run.", ExitCode.Usage)
            : Path.Combine("runs", DateTime.Now.ToString("yyyyMMdd-HHmmss", System.Globalization.CultureInfo.InvariantCulture));
    }

    private RunConfiguration Configure(ParseResult call, string path, bool resumes)
    {
        var layers = new ConfigurationLayers();
        string saved = Path.Combine(path, "config.json");
        if (resumes)
        {
            layers.AddFile(saved);
        }
        else if (!_configuration.AnyGiven(call))
        {
            throw new UserErrorException("Say what to train: --preset NAME or --config FILE. 'gpt train --help' lists the presets.", ExitCode.Usage);
        }

        _configuration.Layers(call, layers);
        RunConfiguration configuration = layers.Build();
        string? dataPath = call.GetValue(_data) ?? configuration.Data.Path;
        if (Directory.Exists(dataPath))
        {
            CheckTokenizer(configuration, dataPath);
        }

        configuration = configuration with
        {
            Data = configuration.Data with { Path = dataPath is null ? null : Path.GetFullPath(dataPath) },
            Training = configuration.Training with { Steps = call.GetValue(_steps) ?? configuration.Training.Steps },
        };
        ConfigurationValidator.Check(configuration);
        return configuration;
    }

    /// <summary>Refuses data of another tokenizer than the configuration's before anything is loaded.</summary>
    private static void CheckTokenizer(RunConfiguration configuration, string data)
    {
        string wanted = EnumNames.Of(configuration.Data.Tokenizer);
        if (Dataset.Open(data).Info is { } info && info.Tokenizer != wanted)
        {
            throw new UserErrorException(
                $"{data} was prepared with the {info.Tokenizer} tokenizer, and this configuration's data.tokenizer is {wanted}. " +
                $"Prepare it again with --tokenizer {wanted}, or set data.tokenizer, data.document_token and model.vocab_size to fit.",
                ExitCode.Usage);
        }
    }

    private static RunConfiguration Resolve(RunConfiguration configuration)
    {
        BatchPlan plan = BatchPlan.Resolve(configuration.Training, configuration.Model.ContextLength, worldSize: 1);
        return configuration with
        {
            Training = configuration.Training with { BatchSize = null, MicroBatch = plan.MicroBatch, AccBatchSize = plan.AccBatchSize },
        };
    }

    private static string Title(RunConfiguration configuration, RunFolder folder)
    {
        ModelConfiguration model = configuration.Model;
        return $"{Path.GetFileName(folder.Root)}: d_model {model.DModel}, {model.NLayers} layers, {model.NHeads} heads, context {model.ContextLength}";
    }
}
