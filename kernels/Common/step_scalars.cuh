// step_scalars.cuh: where everything about a step that changes between replays of its graph is kept; Common/StepScalar.cs names the same.
#pragma once
#include "Common/numbers.cuh"

namespace scalar {
constexpr int LearningRate = 0;
constexpr int Step = 1;
constexpr int SeedLow = 2;
constexpr int SeedHigh = 3;
constexpr int LossScale = 8;
constexpr int GoodSteps = 9;
constexpr int AppliedUpdates = 10;
constexpr int Loss = 16;
constexpr int GradientNorm = 17;
constexpr int GradientFactor = 18;
constexpr int IsFinite = 19;
} // namespace scalar
