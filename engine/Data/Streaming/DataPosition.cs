namespace GptEngine.Engine.Data.Streaming;

/// <summary>
/// Where an optimizer step reads. It follows from the step's number alone, so nothing but that number is needed to resume.
/// </summary>
/// <param name="Step">q: the number of the optimizer step, from 0.</param>
/// <param name="Epoch">How often the stream has been gone through before.</param>
/// <param name="Window">Which window of acc_batch_size tokens is read.</param>
public readonly record struct DataPosition(long Step, long Epoch, long Window);
