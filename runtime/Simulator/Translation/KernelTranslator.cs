using System;
using System.Collections.Generic;
using System.Linq;
using GptEngine.Runtime.Simulator.Counters;
using GptEngine.Runtime.Simulator.Memory;
using GptEngine.Runtime.Simulator.Ptx;

namespace GptEngine.Runtime.Simulator.Translation;

/// <summary>Turns a kernel of a parsed module into blocks of .NET code.</summary>
internal sealed class KernelTranslator
{
    private readonly PtxFunction _kernel;
    private readonly RegisterAllocator _registers;
    private readonly ConstantPool _constants;
    private readonly Dictionary<PtxVariable, ulong> _addresses;
    private readonly List<MemorySite> _sites = [];

    private KernelTranslator(
        PtxModule module, PtxFunction kernel, RegisterAllocator registers, ConstantPool constants, Dictionary<PtxVariable, ulong> addresses, ProductRegisterWeb products)
    {
        Module = module;
        Products = products;
        _kernel = kernel;
        _registers = registers;
        _constants = constants;
        _addresses = addresses;
    }

    internal PtxModule Module { get; }

    /// <summary>The registers that warpgroup products use.</summary>
    internal ProductRegisterWeb Products { get; }

    internal RegisterAllocator Registers => _registers;

    internal ConstantPool Constants => _constants;

    internal string KernelName => _kernel.Name;

    /// <param name="module">The module that the kernel is of.</param>
    /// <param name="kernel">A kernel with a body.</param>
    /// <param name="constants">Kept as long as the kernel is used.</param>
    /// <param name="globals">Addresses of the module's variables in global and constant memory.</param>
    internal static TranslatedKernel Translate(
        PtxModule module, PtxFunction kernel, ConstantPool constants, IReadOnlyDictionary<PtxVariable, ulong> globals)
    {
        var inliner = new FunctionInliner(module, kernel);
        inliner.Run();
        BasicBlock[] blocks = ControlFlow.Build(inliner.Instructions, inliner.BranchTargets, kernel.Name);
        var registers = new RegisterAllocator(blocks, inliner.RegisterCount);
        var addresses = new Dictionary<PtxVariable, ulong>(globals);
        int shared = PlaceShared(module, inliner, addresses);
        int local = Place(inliner.StackVariables, addresses, 0);
        var offsets = new List<int>();
        int parameters = 0;
        foreach (PtxVariable parameter in kernel.Parameters)
        {
            parameters = Align(parameters, parameter.Alignment);
            offsets.Add(parameters);
            addresses[parameter] = (ulong)parameters;
            parameters += parameter.Size;
        }

        var translator = new KernelTranslator(module, kernel, registers, constants, addresses, new ProductRegisterWeb(inliner.Instructions));
        translator.Prepare(blocks, inliner.StackVariables);
        return new TranslatedKernel
        {
            Function = kernel,
            Blocks = blocks,
            Sites = [.. translator._sites],
            RegisterBytes = registers.Bytes,
            StaticSharedBytes = shared,
            LocalBytes = Align(local, 16),
            ProductRegisterCount = translator.Products.Count,
            ParameterOffsets = offsets,
            ParameterBytes = parameters,
        };
    }

    internal MemorySite AddSite(Func<int, MemorySite> make)
    {
        MemorySite site = make(_sites.Count);
        _sites.Add(site);
        return site;
    }

    /// <summary>The address of a variable in its own space.</summary>
    internal bool TryGetAddress(PtxVariable variable, out ulong address) => _addresses.TryGetValue(variable, out address);

    internal bool IsKernelParameter(PtxVariable variable) => _kernel.Parameters.Contains(variable);

    internal UnsupportedInstructionException Unsupported(PtxInstruction instruction, string reason) =>
        new(instruction.FullName, _kernel.Name, instruction.Place, reason);

    /// <summary>
    /// Writes the code of every block, which is compiled when a thread first comes by: an instruction that is not known is an error when
    /// the module is loaded.
    /// </summary>
    private void Prepare(BasicBlock[] blocks, IReadOnlyCollection<PtxVariable> stack)
    {
        var instructions = new InstructionTranslator(this, stack);
        foreach (BasicBlock block in blocks)
        {
            block.ClassCounts = new int[Enum.GetValues<InstructionClass>().Length];
            block.Code = instructions.Translate(block);
        }
    }

    private static int PlaceShared(PtxModule module, FunctionInliner inliner, Dictionary<PtxVariable, ulong> addresses)
    {
        var ordered = new List<PtxVariable>();
        foreach (PtxInstruction instruction in inliner.Instructions)
        {
            foreach (PtxOperand operand in instruction.Operands.SelectMany(o => o.Elements.Prepend(o)))
            {
                if (operand.Variable is { Space: PtxStateSpace.Shared } variable && !ordered.Contains(variable))
                {
                    ordered.Add(variable);
                }
            }
        }

        int end = Place(ordered.Where(v => !v.IsExtern), addresses, 0);
        List<PtxVariable> dynamic = [.. module.Variables.Values.Where(v => v is { IsExtern: true, Space: PtxStateSpace.Shared })];
        if (dynamic.Count > 0)
        {
            // All dynamic arrays start at the same place: behind what is static, at the largest alignment.
            end = Align(end, Math.Max(16, dynamic.Max(v => v.Alignment)));
            dynamic.ForEach(v => addresses[v] = (ulong)end);
        }

        return end;
    }

    private static int Place(IEnumerable<PtxVariable> variables, Dictionary<PtxVariable, ulong> addresses, int start)
    {
        foreach (PtxVariable variable in variables)
        {
            start = Align(start, Math.Max(1, variable.Alignment));
            addresses[variable] = (ulong)start;
            start = checked(start + variable.Size);
        }

        return start;
    }

    private static int Align(int value, int alignment) => checked(value + alignment - 1) / alignment * alignment;
}
