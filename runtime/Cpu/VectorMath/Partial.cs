using System.Runtime.CompilerServices;

namespace GptEngine.Runtime.Cpu.VectorMath;

/// <summary>Loads and stores of count elements; inlined with a constant count they are single instructions.</summary>
public static unsafe class Partial
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Load<T>(float* from, int count)
        where T : struct, IVectorFloat<T> => count == T.Count ? T.Load(from) : T.LoadPartial(from, count);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store<T>(T value, float* to, int count)
        where T : struct, IVectorFloat<T>
    {
        if (count == T.Count)
            value.Store(to);
        else
            value.StorePartial(to, count);
    }
}
