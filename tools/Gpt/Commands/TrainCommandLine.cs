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
using GptEngine.Gpt.Launching;
using GptEngine.Gpt.Terminal;
using GptEngine.Runtime;
using GptEngine.Runtime.Communication;

namespace GptEngine.Gpt.Commands;

/// <summary><c>gpt train</c>: a run from its first step, or on from a checkpoint.</summary>
internal sealed class TrainCommandLine
{
    private readonly ConfigurationOptions _configuration = new();
    private readonly DeviceOptions _device = new();
    private readonly RankOptions _ranks = new();
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
        self._ranks.AddTo(command);
        command.SetAction(self.Run);
        return command;
    }

    private int Run(ParseResult call)
    {
        LaunchedRank rank = LaunchedRank.Read(Environment.GetEnvironmentVariable);
        string path = RunPath(call, rank);
        bool isLaunched = rank.Environment is not null || rank.IsOwn;
        if (!isLaunched && (_device.RankCount(call) > 1 || _ranks.MaxRestarts(call) > 0))
        {
            // What is wrong with the call is said once, not by every rank.
            Configure(call, path, rank);
            RankLaunch launch = RankLaunchPlan.Of(call, _device, _ranks, path, rank.IsRestarted);
            return (int)new RankLauncher(launch, Console.Out, Console.Error).Run();
        }

        if (rank.Environment is { } environment && !rank.IsOwn && _device.Gpus(call) is { } gpus)
        {
            throw new UserErrorException(
                $"--gpus {gpus} starts ranks, and {rank.Launcher} has started this one already, as rank {environment.Rank} of {environment.WorldSize}. " +
                "Leave the option out: each rank takes the GPU of its local rank.",
                ExitCode.Usage);
        }

        if (rank.Environment is null && _device.Gpus(call) is not null)
        {
            // One GPU asked for as such is a run of one rank, on the path of many.
            rank = rank.AsOnlyRank();
        }

        RunConfiguration configuration = Configure(call, path, rank);
        using var interruption = new Interruption(rank.Rank == 0 ? "Finishing the step and writing a checkpoint" : null);
        using RankControl? control = rank.Environment is { } place
            ? RankMeeting.Meet(place, configuration, CallFacts(call), _ranks.Limits(call), interruption.Token)
            : null;
        try
        {
            return (int)Train(call, path, configuration, rank, control, interruption);
        }
        catch (Exception e)
        {
            control?.Fail(ErrorText.Of(e).Message);
            throw;
        }
    }

    private ExitCode Train(
        ParseResult call, string path, RunConfiguration configuration, LaunchedRank rank, RankControl? control, Interruption interruption)
    {
        control?.Report("opening its device");
        ITokenizer tokenizer = Tokenizers.Get(EnumNames.Of(configuration.Data.Tokenizer));
        using OpenDevice device = _device.OpenRank(call, configuration.Training.Precision, rank.Environment);
        using Communicator? collectives = control is null ? null : RankGroups.Connect(control, rank.Environment!, device.Operations.Device, _ranks.Limits(call));
        using var output = new RankOutput(rank, path);
        if (collectives is not null)
        {
            output.Output.WriteLine(rank.Describe(collectives.Transport));
        }

        using RunFolder? folder = rank.Rank == 0 ? new RunFolder(path) : null;
        using var console = new TrainingConsole(
            configuration.Training.Steps, tokenizer, configuration.Training.SamplePrompt, output.Output, output.Warnings);
        using RunRecorder? recorder = folder is null
            ? null
            : new RunRecorder(folder, Title(configuration, folder), tokenizer, configuration.Training.SamplePrompt);
        control?.Report("taking memory, making or loading the weights");
        using TrainingSession session = TrainingSession.Create(configuration, device.Operations, new TrainingSessionOptions
        {
            RunFolder = Path.GetFullPath(path),
            Resume = Resumes(call) || Restarts(call, rank),
            ResumeFrom = Restarts(call, rank) ? null : call.GetValue(_resume),
            InitFolder = call.GetValue(_init),
            SamplePrompt = configuration.Training.SampleEvery > 0 ? tokenizer.Encode(configuration.Training.SamplePrompt) : null,
            SampleVocabulary = tokenizer.VocabularySize,
            PeakFlops = rank.WorldSize * PeakTable.Load(path: null).FlopsPerSecond(device.Operations.Device.Name, configuration.Training.Precision),
            Group = control is null ? null : new RankGroup(collectives!, control),
            Observers = recorder is null ? [console] : [console, recorder],
        });
        if (folder is not null)
        {
            string resolved = JsonSerializer.Serialize(Resolve(configuration, rank.WorldSize), ConfigurationJson.Default.RunConfiguration);
            RunFolder.Replace(folder.Configuration, resolved + "\n");
        }

        TrainingOutcome outcome = session.Run(interruption.Token);
        console.OnNote(outcome == TrainingOutcome.Completed
            ? $"Done. The run is in {Path.GetFullPath(path)}; its plot is {Path.Combine(Path.GetFullPath(path), RunFolder.PlotName)}."
            : $"Interrupted after step {session.Step}. 'gpt train --run {path} --resume' goes on.");
        return outcome == TrainingOutcome.Completed ? ExitCode.Success : ExitCode.Interrupted;
    }

    private bool Resumes(ParseResult call) => call.GetResult(_resume) is not null;

    // A rank of the built-in launcher is started again only where that was asked for; another launcher's has to be told.
    private bool Restarts(ParseResult call, LaunchedRank rank) => rank.IsRestarted && (rank.IsOwn || _ranks.MaxRestarts(call) > 0);

    // Beside the configuration, what makes ranks start from the same weights; where those lie may differ from host to host.
    private RunFact[] CallFacts(ParseResult call) =>
    [
        new(_resume.Name, Resumes(call) ? call.GetValue(_resume) ?? "given" : "not given"),
        new(_init.Name, call.GetValue(_init) is null ? "not given" : "given"),
    ];

    private string RunPath(ParseResult call, LaunchedRank rank)
    {
        if (call.GetValue(_run) is { } path)
        {
            return path;
        }

        if (rank.Environment is not null)
        {
            throw new UserErrorException("Ranks on several hosts need one run folder, on storage that all see: name it with --run.", ExitCode.Usage);
        }

        return Resumes(call)
            ? throw new UserErrorException("--resume needs the run to go on with: name its folder with --run.", ExitCode.Usage)
            : Path.Combine("runs", DateTime.Now.ToString("yyyyMMdd-HHmmss", System.Globalization.CultureInfo.InvariantCulture));
    }

    private RunConfiguration Configure(ParseResult call, string path, LaunchedRank rank)
    {
        var layers = new ConfigurationLayers();
        string saved = Path.Combine(path, "config.json");
        if (Resumes(call))
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
        BatchPlan.Resolve(configuration.Training, configuration.Model.ContextLength, Math.Max(rank.WorldSize, _device.RankCount(call)));
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

    private static RunConfiguration Resolve(RunConfiguration configuration, int worldSize)
    {
        BatchPlan plan = BatchPlan.Resolve(configuration.Training, configuration.Model.ContextLength, worldSize);
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
