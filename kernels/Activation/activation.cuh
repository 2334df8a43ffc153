// activation.cuh: the MLP's non-linearities and their derivatives, for the element-wise kernels and for GEMM epilogues.
#pragma once
#include "Common/numbers.cuh"

// As Common/Activation.cs numbers them.
enum class Activation { Identity = 0, GeluTanh = 1, Gelu = 2, Relu = 3 };

// exp and 1/x as precise as the storage type can tell: the hardware's approximations (2 ulp of float) are far below half a unit of
// a 16-bit type.
template <typename T> __device__ inline float exponential(float x) {
    if constexpr (sizeof(T) == 4) {
        return expf(x);
    } else {
        return __expf(x);
    }
}

template <typename T> __device__ inline float reciprocal(float x) {
    if constexpr (sizeof(T) == 4) {
        return 1.0f / x;
    } else {
        return __fdividef(1.0f, x);
    }
}

// 2·√(2/π)·(x + 0.044715·x³): half of one plus the hyperbolic tangent of u is the logistic function of 2u, which loses nothing where
// 1 + tanh would cancel.
constexpr float TwiceRootTwoOverPi = 1.5957691216057308f;
constexpr float CubicCoefficient = 0.044715f;

// The gate σ(u) and its complement 1 − σ(u), each with all its digits: the difference would keep few where the gate is near 1.
struct Gate {
    float open, closed;
};

template <typename T> __device__ inline Gate gelu_tanh_gate(float x) {
    float u = TwiceRootTwoOverPi * x * (1.0f + CubicCoefficient * x * x);
    // Bounded, so that the complement is no product of infinity and 0.
    float decay = fminf(exponential<T>(-u), 1e38f);
    float open = reciprocal<T>(1.0f + decay);
    return {open, decay * open};
}

template <typename T, Activation Kind> __device__ inline float activation(float x) {
    if constexpr (Kind == Activation::GeluTanh) {
        return x * gelu_tanh_gate<T>(x).open;
    } else if constexpr (Kind == Activation::Gelu) {
        return 0.5f * x * (1.0f + erff(0.70710678118654752f * x));
    } else if constexpr (Kind == Activation::Relu) {
        // Not fmaxf: a NaN must come through.
        return x < 0.0f ? 0.0f : x;
    } else {
        return x;
    }
}

template <typename T, Activation Kind> __device__ inline float activation_derivative(float x) {
    if constexpr (Kind == Activation::GeluTanh) {
        Gate gate = gelu_tanh_gate<T>(x);
        float slope = TwiceRootTwoOverPi * (1.0f + 3.0f * CubicCoefficient * x * x);
        return gate.open + x * gate.open * gate.closed * slope;
    } else if constexpr (Kind == Activation::Gelu) {
        float density = 0.39894228040143268f * exponential<T>(-0.5f * x * x);
        return 0.5f * (1.0f + erff(0.70710678118654752f * x)) + x * density;
    } else if constexpr (Kind == Activation::Relu) {
        return x > 0.0f ? 1.0f : 0.0f;
    } else {
        return 1.0f;
    }
}
