using GptEngine.Runtime.Simulator.Memory;

namespace GptEngine.Runtime.Simulator.Operations;

/// <summary>isspacep: 1 where a generic address lies in a space; the mode is 0 global, 1 shared, 2 local, 3 parameters, 4 constant.</summary>
internal static class AddressFunctions
{
    internal static ulong IsInSpace(ulong a, ulong b, ulong c, int mode)
    {
        bool result = mode switch
        {
            1 => AddressSpaces.IsShared(a),
            2 => AddressSpaces.IsLocal(a),
            3 => AddressSpaces.IsParameter(a),
            4 => false,
            _ => !AddressSpaces.IsShared(a) && !AddressSpaces.IsLocal(a) && !AddressSpaces.IsParameter(a),
        };
        return result ? 1ul : 0;
    }
}
