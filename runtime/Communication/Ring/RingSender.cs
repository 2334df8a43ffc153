using System;
using System.Collections.Generic;
using System.Net.Sockets;
using System.Threading;
using GptEngine.Runtime.Communication.Host;
using GptEngine.Runtime.Memory;

namespace GptEngine.Runtime.Communication.Ring;

/// <summary>
/// Sends to the next rank on a thread of its own, so that a rank never stops receiving because another does not. What is to be sent stays
/// where it is until it has gone.
/// </summary>
internal sealed unsafe class RingSender : IDisposable
{
    private readonly Socket _next;
    private readonly Action _failed;
    private readonly object _lock = new();
    private readonly Queue<Item> _queue = new();
    private readonly HostMemory _wide;
    private readonly bool[] _isSlotTaken;
    private readonly Thread _thread;
    private int _pending;
    private bool _isClosed;

    /// <param name="next">The connection.</param>
    /// <param name="slots">Buffers of the receiver that are lent while they are sent.</param>
    /// <param name="sliceElements">Elements of one item at most.</param>
    /// <param name="failed">Called when sending has failed, on the sender's thread.</param>
    internal RingSender(Socket next, int slots, int sliceElements, Action failed)
    {
        _next = next;
        _failed = failed;
        _isSlotTaken = new bool[slots];
        _wide = HostMemory.Allocate(sliceElements * sizeof(double));
        _thread = new Thread(Work) { IsBackground = true, Name = "ring sender" };
        _thread.Start();
    }

    /// <summary>Queues bytes as they are.</summary>
    /// <param name="slot">The slot they lie in, free again when they have gone; -1 for memory that is nobody's to free.</param>
    internal void Send(byte* data, long bytes, int slot = -1) => Add(new Item((nint)data, checked((int)bytes), slot, null));

    /// <summary>Queues elements in the type that they are summed in.</summary>
    internal void SendWide(DataType type, byte* data, int count) => Add(new Item((nint)data, count, -1, type));

    /// <summary>A free slot, as soon as there is one.</summary>
    internal int TakeSlot()
    {
        lock (_lock)
        {
            int slot;
            while ((slot = Array.IndexOf(_isSlotTaken, false)) < 0 && !_isClosed)
            {
                Monitor.Wait(_lock);
            }

            ThrowIfClosed();
            _isSlotTaken[slot] = true;
            return slot;
        }
    }

    /// <summary>Gives back a slot that is not sent.</summary>
    internal void FreeSlot(int slot)
    {
        lock (_lock)
        {
            _isSlotTaken[slot] = false;
        }
    }

    /// <summary>Waits until all has gone.</summary>
    internal void Flush()
    {
        lock (_lock)
        {
            while (_pending > 0 && !_isClosed)
            {
                Monitor.Wait(_lock);
            }

            ThrowIfClosed();
        }
    }

    internal void Close()
    {
        lock (_lock)
        {
            _isClosed = true;
            Monitor.PulseAll(_lock);
        }
    }

    public void Dispose()
    {
        Close();
        _thread.Join();
        _wide.Dispose();
    }

    private void Add(in Item item)
    {
        lock (_lock)
        {
            ThrowIfClosed();
            _queue.Enqueue(item);
            _pending++;
            Monitor.PulseAll(_lock);
        }
    }

    private void ThrowIfClosed()
    {
        if (_isClosed)
        {
            throw new SocketException((int)SocketError.OperationAborted);
        }
    }

    private void Work()
    {
        while (Next(out Item item))
        {
            try
            {
                SendOne(item);
            }
            catch (Exception failed) when (failed is SocketException or ObjectDisposedException)
            {
                Close();
                _failed();
                return;
            }

            lock (_lock)
            {
                _pending--;
                if (item.Slot >= 0)
                {
                    _isSlotTaken[item.Slot] = false;
                }

                Monitor.PulseAll(_lock);
            }
        }
    }

    private bool Next(out Item item)
    {
        lock (_lock)
        {
            while (_queue.Count == 0 && !_isClosed)
            {
                Monitor.Wait(_lock);
            }

            item = _isClosed ? default : _queue.Dequeue();
            return !_isClosed;
        }
    }

    private void SendOne(in Item item)
    {
        byte* data = (byte*)item.Data;
        int bytes = item.Length;
        if (item.WideFrom is { } type)
        {
            bytes *= WideElements.BytesOf(type);
            if (WideElements.BytesOf(type) != type.SizeInBytes())
            {
                WideElements.Load(type, data, _wide.Pointer, item.Length);
                data = _wide.Pointer;
            }
        }

        var rest = new ReadOnlySpan<byte>(data, bytes);
        while (rest.Length > 0)
        {
            rest = rest[_next.Send(rest)..];
        }
    }

    /// <param name="Data">Where.</param>
    /// <param name="Length">Bytes, or elements where they are widened.</param>
    /// <param name="Slot">To be freed; -1 for none.</param>
    /// <param name="WideFrom">The elements' type where they are to be widened.</param>
    private readonly record struct Item(nint Data, int Length, int Slot, DataType? WideFrom);
}
