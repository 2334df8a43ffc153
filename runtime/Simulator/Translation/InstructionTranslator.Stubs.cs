using GptEngine.Runtime.Simulator.Ptx;

namespace GptEngine.Runtime.Simulator.Translation;

internal sealed partial class InstructionTranslator
{
    private bool TranslateWarp(PtxInstruction i) => false;

    private bool TranslateTensor(PtxInstruction i) => false;

    private bool TranslateAsync(PtxInstruction i) => false;
}
