namespace GptEngine.Perf.MachineCode;

/// <summary>The unit of a multiprocessor that an instruction occupies.</summary>
internal enum Pipe
{
    /// <summary>HMMA and its kin.</summary>
    Tensor,

    /// <summary>Single precision, and integer multiplication; moves made of it.</summary>
    MultiplyAdd,

    /// <summary>Integer additions, logic, comparisons, selections, minima.</summary>
    Integer,

    /// <summary>Half precision outside the tensor cores.</summary>
    Half,

    /// <summary>Approximate functions, and conversions where they are its work.</summary>
    Special,

    /// <summary>Shared memory, shuffles.</summary>
    Shared,

    /// <summary>Loads, stores and copies from global memory.</summary>
    Global,

    /// <summary>Branches, barriers, and what else only takes an issue slot.</summary>
    Control,
}
