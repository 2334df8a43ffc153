using GptEngine.Kernels.Common;
using GptEngine.Runtime.Compile;

namespace GptEngine.Perf.MachineCode;

/// <summary>A kernel's machine code, and how much of it a multiprocessor holds at a time.</summary>
internal sealed record CompiledKernel(KernelInstance Kernel, FlowGraph Graph, KernelResources Resources, int ResidentBlocks)
{
    public int ResidentWarps => ResidentBlocks * Kernel.Threads / 32;

    public static CompiledKernel Of(KernelInstance kernel, ComputeCapability target, CompileCache cache)
    {
        CompiledImage image = cache.GetOrCompile(KernelSources.Request(target, ImageFormat.Cubin, kernel)).Image;
        string name = image.LoweredNames[kernel.NameExpression];
        KernelResources resources = image.Resources[name];
        return new CompiledKernel(
            kernel,
            new FlowGraph(MachineCodeListing.Parse(MachineCodeListing.Only(Disassembler.DisassembleWithEncoding(image), name))),
            resources,
            ArchitectureLimits.Of(target).ResidentBlocks(resources, kernel.Threads, kernel.DynamicSharedBytes));
    }
}
