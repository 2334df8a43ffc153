using System;
using System.Collections.Generic;

namespace GptEngine.Kernels.Common.Cuda;

/// <summary>Launchers made when first needed and kept: by channels, by dropout, by activation. A look-up allocates nothing.</summary>
internal sealed class ByKey<TKey, TLauncher>(Func<TKey, TLauncher> create)
    where TKey : struct, IEquatable<TKey>
{
    private readonly Dictionary<TKey, TLauncher> _made = [];

    public TLauncher this[TKey key]
    {
        get
        {
            if (!_made.TryGetValue(key, out TLauncher? launcher))
            {
                launcher = create(key);
                _made.Add(key, launcher);
            }

            return launcher;
        }
    }
}
