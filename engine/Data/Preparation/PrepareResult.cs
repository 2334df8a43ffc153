using System;
using System.Collections.Generic;

namespace GptEngine.Engine.Data.Preparation;

/// <summary>What <c>gpt prepare</c> made.</summary>
/// <param name="Dataset">The content of <c>dataset.json</c>.</param>
/// <param name="Broken">A sentence for each of the first broken records, with its file and line; the dataset has their number.</param>
/// <param name="TextBytes">Bytes of text encoded.</param>
/// <param name="Elapsed">The time it took.</param>
public sealed record PrepareResult(DatasetInfo Dataset, IReadOnlyList<string> Broken, long TextBytes, TimeSpan Elapsed);
