using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Threading;
using GptEngine.Runtime.Cuda;
using GptEngine.Runtime.Memory;

namespace GptEngine.Kernels.Common.Selection;

/// <summary>
/// What kernels are tried on: device memory, a stream and events of their own, so that a step that is rehearsed, and its tensors, are left alone.
/// All of it is given back on disposal.
/// </summary>
internal sealed unsafe class TrialMemory : IDisposable
{
    /// <summary>Bytes of a piece of a result on the host.</summary>
    private const int LargestChunk = 8 << 20;

    /// <summary>Where the size of the second-level cache is not known.</summary>
    private const long UnknownCache = 64 << 20;

    private const byte Poison = 0xFF;

    private static readonly TimeSpan LongRun = TimeSpan.FromSeconds(10);

    private readonly GpuDriver _driver;
    private readonly List<DevicePointer> _taken = [];
    private readonly Tensor _flushed;
    private readonly GpuEvent _start;
    private readonly GpuEvent _end;
    private readonly nint _host;

    /// <exception cref="GpuException">The GPU has no room.</exception>
    internal TrialMemory(GpuDriver driver)
    {
        _driver = driver;
        Stream = driver.CreateStream();
        _start = driver.CreateEvent();
        _end = driver.CreateEvent();
        _host = driver.AllocatePinned(2 * LargestChunk);
        try
        {
            long cache = driver.Properties.L2CacheBytes;
            _flushed = Take("flushed", DataType.Int32, 2 * (cache > 0 ? cache : UnknownCache) / sizeof(int));
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    internal GpuStream Stream { get; }

    /// <summary>Bytes of a tensor that can be downloaded at once.</summary>
    internal static int ChunkBytes => LargestChunk;

    /// <summary>A tensor of undefined content.</summary>
    internal Tensor Take(string name, DataType type, params ReadOnlySpan<long> shape)
    {
        var tensor = new Tensor(name, type, 0, shape);
        DevicePointer pointer = _driver.Allocate(tensor.Bytes, $"the trial of kernels, {name}");
        _taken.Add(pointer);
        tensor.Bind((nuint)pointer.Address);
        return tensor;
    }

    /// <summary>Fills a tensor of 16-bit numbers with noise.</summary>
    internal void Fill(Tensor tensor, TrialNoise noise, int first, bool isMoved)
    {
        noise.CopyTo(first, isMoved, new Span<ushort>((void*)_host, TrialNoise.Period));
        long period = (long)TrialNoise.Period * sizeof(ushort);
        DevicePointer start = KernelQueue.PointerTo(tensor);
        long done = Math.Min(period, tensor.Bytes);
        _driver.CopyToDevice(start, _host, done, Stream);
        for (; done < tensor.Bytes; done *= 2)
        {
            _driver.CopyOnDevice(start + done, start, Math.Min(done, tensor.Bytes - done), Stream);
        }

        Stream.Synchronize();
    }

    /// <summary>Fills a tensor of integers.</summary>
    internal void Fill(Tensor tensor, Func<long, int> value)
    {
        var numbers = new Span<int>((void*)_host, LargestChunk / sizeof(int));
        for (long first = 0; first < tensor.Count; first += numbers.Length)
        {
            int count = (int)Math.Min(numbers.Length, tensor.Count - first);
            for (int i = 0; i < count; i++)
            {
                numbers[i] = value(first + i);
            }

            _driver.CopyToDevice(KernelQueue.PointerTo(tensor) + (first * sizeof(int)), _host, (long)count * sizeof(int), Stream);
            Stream.Synchronize();
        }
    }

    /// <summary>Makes every number of a result none.</summary>
    internal void Spoil(Tensor tensor) => _driver.Fill(KernelQueue.PointerTo(tensor), Poison, tensor.Bytes, Stream);

    /// <summary>Where on the host the same bytes of two tensors of one size are, until the next download.</summary>
    internal (nint First, nint Second) Download(Tensor first, Tensor second, long offset, long bytes)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(bytes, LargestChunk);
        _driver.CopyToHost(_host, KernelQueue.PointerTo(first) + offset, bytes, Stream);
        _driver.CopyToHost(_host + LargestChunk, KernelQueue.PointerTo(second) + offset, bytes, Stream);
        Stream.Synchronize();
        return (_host, _host + LargestChunk);
    }

    /// <summary>Milliseconds of a launch that finds none of its inputs in the second-level cache, and follows other work, as launches in a step do.</summary>
    internal double TimeMs(Action launch)
    {
        _driver.Fill(KernelQueue.PointerTo(_flushed), 0, _flushed.Bytes, Stream);
        _start.Record(Stream);
        launch();
        _end.Record(Stream);
        _end.Synchronize();
        return _end.ElapsedMsSince(_start);
    }

    /// <summary>Waits for what has been launched; says so once where that takes long enough to doubt that it ends.</summary>
    internal void Wait(Action<TimeSpan> sayLong)
    {
        _end.Record(Stream);
        long started = Stopwatch.GetTimestamp();
        bool isSaid = false;
        for (int polls = 0; !_end.IsDone; polls++)
        {
            if (!isSaid && Stopwatch.GetElapsedTime(started) > LongRun)
            {
                isSaid = true;
                sayLong(LongRun);
            }

            Thread.Sleep(polls < 100 ? 0 : 1);
        }

        _end.Synchronize();
    }

    /// <summary>Whether the driver still takes work.</summary>
    internal bool IsAlive()
    {
        try
        {
            _driver.Synchronize();
            return true;
        }
        catch (GpuException)
        {
            // Whoever asks reports the failure that came before.
            return false;
        }
    }

    /// <summary>Gives everything back; what a GPU that does nothing any more holds goes with the process.</summary>
    public void Dispose()
    {
        if (!IsAlive())
        {
            return;
        }

        _taken.ForEach(_driver.Free);
        _taken.Clear();
        _driver.FreePinned(_host);
        _start.Dispose();
        _end.Dispose();
        Stream.Dispose();
    }
}
