using System;
using GptEngine.Engine.Configuration;
using GptEngine.Kernels.Common;
using GptEngine.Runtime;
using GptEngine.Runtime.Memory;

namespace GptEngine.Engine.Training;

/// <summary>Whether a run can be made on this device, checked before anything is built.</summary>
public static class TrainingLimits
{
    /// <summary>Throws unless the configuration describes a run that this device can make.</summary>
    /// <exception cref="UserErrorException">Usage; names the key, its value, and the remedy.</exception>
    public static void Check(RunConfiguration configuration, IOperations operations)
    {
        ArgumentNullException.ThrowIfNull(configuration);
        ArgumentNullException.ThrowIfNull(operations);
        ConfigurationValidator.Check(configuration);
        TrainingConfiguration training = configuration.Training;
        // The step counter on the device, which dropout draws by, has 32 bits.
        if (training.Steps > uint.MaxValue)
        {
            throw new UserErrorException($"training.steps is {training.Steps}; it must be at most {uint.MaxValue}.", ExitCode.Usage);
        }

        CheckPrecision(training.Precision, operations);
    }

    private static void CheckPrecision(Precision precision, IOperations operations)
    {
        DataType wanted = precision switch
        {
            Precision.Fp16 => DataType.Float16,
            Precision.Bf16 => DataType.BFloat16,
            _ => DataType.Float32,
        };

        // The oracle's fp64 stands in for fp32.
        bool offers = operations.Storage == wanted || (wanted == DataType.Float32 && operations.Storage == DataType.Float64);
        if (!offers)
        {
            string name = precision.ToString().ToLowerInvariant();
            throw new UserErrorException(
                $"training.precision is \"{name}\", and {operations.Device.Name} computes in {operations.Storage.ShortName()} here. " +
                $"Set training.precision to \"{operations.Storage.ShortName()}\", or choose a device that offers {name}.",
                ExitCode.Usage);
        }
    }
}
