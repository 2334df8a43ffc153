namespace GptEngine.Engine.Data.Preparation;

/// <summary>The forms in which token streams are written.</summary>
public enum TokenStreamFormat
{
    /// <summary>Little-endian uint16 and nothing else: <c>.bin</c>.</summary>
    Raw,

    /// <summary>A one-dimensional NumPy array of uint16: <c>.npy</c>.</summary>
    Npy,

    /// <summary>llm.c's form: a header of 256 int32, then uint16: <c>.bin</c>.</summary>
    Llmc,
}
