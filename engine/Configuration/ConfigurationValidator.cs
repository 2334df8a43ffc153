using System;
using GptEngine.Runtime;

namespace GptEngine.Engine.Configuration;

/// <summary>The ranges of configuration values, and what must fit together. The first thing wrong is told, with its remedy.</summary>
public static class ConfigurationValidator
{
    /// <exception cref="UserErrorException">Names the key, its value, and what it may be.</exception>
    public static void Check(RunConfiguration configuration)
    {
        CheckModel(configuration.Model);
        CheckData(configuration.Data, configuration.Model);
        CheckOptimizer(configuration.Optimizer);
        CheckTraining(configuration.Training);
    }

    /// <summary>The <c>model</c> section alone, as in a checkpoint's <c>config.json</c>.</summary>
    public static void CheckModel(ModelConfiguration model)
    {
        // Token streams are uint16: no model here can see an id beyond it.
        Range("model.vocab_size", model.VocabSize, 2, 65_536);
        Range("model.context_length", model.ContextLength, 1, 1 << 20);
        Range("model.d_model", model.DModel, 2, 1 << 16);
        Range("model.n_layers", model.NLayers, 1, 1 << 10);
        Range("model.n_heads", model.NHeads, 1, 1 << 12);
        Require(model.DModel % model.NHeads == 0,
            $"model.n_heads = {model.NHeads} does not divide model.d_model = {model.DModel}; choose a divisor.");
        Require(model.Positions != PositionKind.Rotary || model.DHead % 2 == 0,
            $"rotary positions need an even head size, and d_model / n_heads is {model.DHead}; change model.n_heads or model.positions.");
        Require(model.Positions != PositionKind.Sinusoidal || model.DModel % 2 == 0,
            $"sinusoidal positions need an even model.d_model, not {model.DModel}.");
        Require(Enum.IsDefined(model.Positions), $"model.positions cannot be {model.Positions}; it takes one of {string.Join(", ", EnumNames.Of(typeof(PositionKind)))}.");
        Require(Enum.IsDefined(model.Activation), $"model.activation cannot be {model.Activation}; it takes one of {string.Join(", ", EnumNames.Of(typeof(ActivationKind)))}.");
        Range("model.layer_norm_epsilon", model.LayerNormEpsilon, 1e-12, 1);
        Range("model.dropout", model.Dropout, 0, 0.999);
    }

    private static void CheckData(DataConfiguration data, ModelConfiguration model)
    {
        Require(data.Path is null || (data.Path.Length > 0 && !data.Path.Contains('\0', StringComparison.Ordinal)),
            "data.path is empty or has a NUL in it; name the folder that gpt prepare wrote.");
        Require(data.DocumentToken >= 0 && data.DocumentToken < model.VocabSize,
            $"data.document_token = {data.DocumentToken} is not below model.vocab_size = {model.VocabSize}; set one to fit the other.");
    }

    private static void CheckOptimizer(OptimizerConfiguration optimizer)
    {
        Range("optimizer.learning_rate", optimizer.LearningRate, 0, 1e3);
        Range("optimizer.beta1", optimizer.Beta1, 0, 0.999999);
        Range("optimizer.beta2", optimizer.Beta2, 0, 0.999999);
        Range("optimizer.epsilon", optimizer.Epsilon, 1e-30, 1);
        Range("optimizer.weight_decay", optimizer.WeightDecay, 0, 1e3);
        Range("optimizer.clip", optimizer.Clip, 0, 1e6);
        Range("optimizer.x0", optimizer.X0, 0, 1e18);
        Range("optimizer.x1", optimizer.X1, 0, 1e18);
        Require(optimizer.X1 >= optimizer.X0,
            $"optimizer.x1 = {optimizer.X1:R} is before optimizer.x0 = {optimizer.X0:R}: the cosine ends (x1) after the warm-up (x0), both in tokens.");
    }

    private static void CheckTraining(TrainingConfiguration training)
    {
        Require(training.BatchSize is null || training.MicroBatch is null,
            "give training.batch_size or training.micro_batch, not both: batch_size is micro_batch times the world size.");
        Range("training.batch_size", training.BatchSize ?? 1, 1, 1 << 20);
        Range("training.micro_batch", training.MicroBatch ?? 1, 1, 1 << 20);
        Range("training.acc_batch_size", training.AccBatchSize ?? 1, 1, 1L << 40);
        Range("training.steps", training.Steps, 0, 1L << 40);
        Range("training.checkpoint_every", training.CheckpointEvery, 0, int.MaxValue);
        Range("training.keep_checkpoints", training.KeepCheckpoints, 0, int.MaxValue);
        Range("training.eval_every", training.EvalEvery, 0, int.MaxValue);
        Range("training.eval_batches", training.EvalBatches, 1, int.MaxValue);
        Range("training.sample_every", training.SampleEvery, 0, int.MaxValue);
        Require(training.SamplePrompt is not null, "training.sample_prompt cannot be null; give a text, or set training.sample_every to 0.");
        Range("training.max_bad_steps", training.MaxBadSteps, 1, int.MaxValue);
        Range("training.bucket_bytes", training.BucketBytes, 1 << 10, 1L << 40);
    }

    private static void Range(string key, double value, double least, double most) =>
        Require(value >= least && value <= most, $"{key} = {value:R} is out of range; it takes {least:R} to {most:R}.");

    private static void Require(bool holds, string message)
    {
        if (!holds)
        {
            throw new UserErrorException(message, ExitCode.Usage);
        }
    }
}
