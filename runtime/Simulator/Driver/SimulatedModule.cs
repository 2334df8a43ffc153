using System;
using System.Collections.Generic;
using System.Linq;
using GptEngine.Runtime.Cuda;
using GptEngine.Runtime.Simulator.Memory;
using GptEngine.Runtime.Simulator.Ptx;
using GptEngine.Runtime.Simulator.Translation;

namespace GptEngine.Runtime.Simulator.Driver;

/// <summary>A PTX module on the simulated GPU: its variables in device memory, its kernels translated when first asked for.</summary>
internal sealed unsafe class SimulatedModule : GpuModule
{
    private readonly SimulatedDriver _driver;
    private readonly PtxModule _module;
    private readonly string _name;
    private readonly ConstantPool _constants = new();
    private readonly Dictionary<PtxVariable, DeviceAllocation> _variables = [];
    private readonly Dictionary<string, SimulatedFunction> _functions = [];

    internal SimulatedModule(SimulatedDriver driver, PtxModule module, string name)
    {
        _driver = driver;
        _module = module;
        _name = name;
        foreach (PtxVariable variable in module.Variables.Values.Where(v => v.Space is PtxStateSpace.Global or PtxStateSpace.Const && !v.IsExtern))
        {
            _variables[variable] = driver.Memory.Allocate(
                Math.Max(1, variable.Size), $"{name}: {variable.Name}", variable.Space == PtxStateSpace.Const, variable);
        }

        foreach ((PtxVariable variable, DeviceAllocation allocation) in _variables)
        {
            Initialize(variable, allocation);
        }
    }

    public override GpuFunction GetFunction(string name)
    {
        if (_functions.TryGetValue(name, out SimulatedFunction? known))
        {
            return known;
        }

        if (!_module.Functions.TryGetValue(name, out PtxFunction? function) || !function.IsKernel || function.Body is null)
        {
            throw new GpuException("cuModuleGetFunction", "CUDA_ERROR_NOT_FOUND", $"the module has no kernel '{name}'.");
        }

        TranslatedKernel kernel = KernelTranslator.Translate(_module, function, _constants, _variables.ToDictionary(v => v.Key, v => v.Value.Address));
        return _functions[name] = new SimulatedFunction(_name, kernel, _driver.Properties);
    }

    public override (DevicePointer Pointer, long Bytes) GetVariable(string name)
    {
        foreach ((PtxVariable variable, DeviceAllocation allocation) in _variables)
        {
            if (variable.Name == name)
            {
                return (new DevicePointer(allocation.Address), variable.Size);
            }
        }

        throw new GpuException("cuModuleGetGlobal", "CUDA_ERROR_NOT_FOUND", $"the module has no variable '{name}'.");
    }

    public override void Dispose()
    {
        foreach (DeviceAllocation allocation in _variables.Values)
        {
            _driver.Memory.Free(allocation);
        }

        _variables.Clear();
        _constants.Dispose();
    }

    /// <summary>Writes the initialiser; what it leaves out is zero, as in C.</summary>
    private void Initialize(PtxVariable variable, DeviceAllocation allocation)
    {
        new Span<byte>(allocation.Data, (int)allocation.Size).Clear();
        allocation.MarkWritten(0, allocation.Size);
        int size = variable.Type.Size();
        int at = 0;
        foreach (PtxInitializer element in variable.Initializer ?? [])
        {
            ulong bits = element.Bits + (element.Symbol is null ? 0 : AddressOf(element.Symbol));
            for (int i = 0; i < size && at < variable.Size; i++)
            {
                allocation.Data[at++] = (byte)(bits >> (8 * i));
            }
        }
    }

    private ulong AddressOf(string symbol) =>
        _module.Variables.TryGetValue(symbol, out PtxVariable? variable) && _variables.TryGetValue(variable, out DeviceAllocation? allocation)
            ? allocation.Address
            : throw new GpuException("cuModuleLoadData", "CUDA_ERROR_INVALID_PTX", $"an initialiser names '{symbol}', which is no variable in global or constant memory.");
}
