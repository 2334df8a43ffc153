using System.Collections.Generic;
using GptEngine.Runtime.Cuda;
using GptEngine.Runtime.Simulator.Checks;
using GptEngine.Runtime.Simulator.Counters;

namespace GptEngine.Runtime.Simulator.Driver;

/// <summary>What a launch on the simulated GPU did and what was found wrong with it.</summary>
/// <param name="Module">What its module was loaded under: a launcher's name expression, which reads better than <paramref name="Kernel"/>.</param>
/// <param name="Kernel">The kernel's name.</param>
/// <param name="Shape">Grid, block and dynamic shared memory.</param>
/// <param name="Counters">What it executed and moved.</param>
/// <param name="Findings">What is wrong, by block; empty for a clean launch.</param>
/// <param name="Seconds">How long the simulation took on the host.</param>
public sealed record LaunchReport(
    string Module, string Kernel, LaunchShape Shape, LaunchCounters Counters, IReadOnlyList<Finding> Findings, double Seconds);
