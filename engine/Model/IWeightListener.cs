namespace GptEngine.Engine.Model;

/// <summary>Hears, while the work of a forward pass is enqueued, which weights what is enqueued next reads.</summary>
public interface IWeightListener
{
    /// <summary>The work that follows reads the weights of a phase (<see cref="ParameterSpec.ReadPhase"/>); phases come in order, the embedding's first.</summary>
    void BeforeWeights(int phase);
}
