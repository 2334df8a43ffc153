namespace GptEngine.Runtime.Native.Nvrtc;

/// <summary>NVRTC's status codes, as nvrtc.h of 11.8 to 13 numbers them.</summary>
public enum NvrtcResult
{
    Success = 0,
    OutOfMemory = 1,
    ProgramCreationFailure = 2,
    InvalidInput = 3,
    InvalidProgram = 4,
    InvalidOption = 5,
    Compilation = 6,
    BuiltinOperationFailure = 7,
    NoNameExpressionsAfterCompilation = 8,
    NoLoweredNamesBeforeCompilation = 9,
    NameExpressionNotValid = 10,
    InternalError = 11,
    TimeFileWriteFailed = 12,
    NoPchCreateAttempted = 13,
    PchCreateHeapExhausted = 14,
    PchCreate = 15,
    Cancelled = 16,
    TimeTraceFileWriteFailed = 17,
}
