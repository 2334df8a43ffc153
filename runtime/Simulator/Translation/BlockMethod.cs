using GptEngine.Runtime.Simulator.Execution;

namespace GptEngine.Runtime.Simulator.Translation;

/// <summary>A translated basic block: runs its instructions for the active lanes and returns those that take its branch.</summary>
internal unsafe delegate uint BlockMethod(Warp warp, byte* registers, uint active);
