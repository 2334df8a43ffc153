using System;
using System.Runtime.CompilerServices;

namespace GptEngine.Engine.Tokenization;

/// <summary>
/// <see cref="PieceMerger"/> for long pieces: the parts are a linked list over byte positions, the candidate pairs a four-way heap of
/// (rank, position). A pair that a neighbour's merge has changed stays in the heap and is recognised by its outdated rank.
/// </summary>
internal sealed unsafe class LongPieceMerger
{
    // Scratch for pieces above this is given back at once: it would otherwise stay for the sake of one endless word.
    private const int LargestKept = 1 << 20;

    private readonly Gpt2Vocabulary _vocabulary;
    private int[] _next = [];
    private int[] _previous = [];
    private int[] _ranks = [];
    private ushort[] _ids = [];
    private ulong[] _heap = [];
    private int _heapCount;

    public LongPieceMerger(Gpt2Vocabulary vocabulary) => _vocabulary = vocabulary;

    public void Encode(byte* piece, int length, TokenBuffer output)
    {
        Prepare(piece, length);
        while (_heapCount > 0)
        {
            ulong top = Pop();
            int rank = (int)(top >> 32);
            int at = (int)(uint)top;
            if (_ranks[at] == rank)
            {
                Merge(piece, length, at, rank);
            }
        }

        for (int at = 0; at < length; at = _next[at])
        {
            output.Add(_ids[at]);
        }

        if (length > LargestKept)
        {
            _next = _previous = _ranks = [];
            _ids = [];
            _heap = [];
        }
    }

    private void Prepare(byte* piece, int length)
    {
        if (_next.Length < length)
        {
            int size = Math.Max(length, 1024);
            _next = GC.AllocateUninitializedArray<int>(size);
            _previous = GC.AllocateUninitializedArray<int>(size);
            _ranks = GC.AllocateUninitializedArray<int>(size);
            _ids = GC.AllocateUninitializedArray<ushort>(size);
            _heap = GC.AllocateUninitializedArray<ulong>(size);
        }

        _heapCount = 0;
        for (int i = 0; i < length; i++)
        {
            _next[i] = i + 1;
            _previous[i] = i - 1;
            _ids[i] = _vocabulary.IdOfByte(piece[i]);
            int rank = i + 1 < length ? _vocabulary.Find(piece + i, 2) : Gpt2Vocabulary.None;
            _ranks[i] = rank;
            if (rank != Gpt2Vocabulary.None)
            {
                _heap[_heapCount++] = Key(rank, i);
            }
        }

        for (int i = (_heapCount - 2) / 4; i >= 0 && _heapCount > 1; i--)
        {
            SiftDown(i, _heap[i]);
        }
    }

    private void Merge(byte* piece, int length, int at, int rank)
    {
        int removed = _next[at];
        int next = _next[removed];
        _ids[at] = (ushort)rank;
        _next[at] = next;
        _ranks[removed] = Gpt2Vocabulary.None;
        if (next < length)
        {
            _previous[next] = at;
            Offer(piece, at, _next[next]);
        }
        else
        {
            _ranks[at] = Gpt2Vocabulary.None;
        }

        if (at > 0)
        {
            Offer(piece, _previous[at], next);
        }
    }

    /// <summary>Ranks the pair that starts at <paramref name="at"/> and ends before <paramref name="end"/> anew.</summary>
    private void Offer(byte* piece, int at, int end)
    {
        int rank = _vocabulary.Find(piece + at, end - at);
        _ranks[at] = rank;
        if (rank != Gpt2Vocabulary.None)
        {
            Push(Key(rank, at));
        }
    }

    private static ulong Key(int rank, int at) => ((ulong)rank << 32) | (uint)at;

    private void Push(ulong key)
    {
        if (_heapCount == _heap.Length)
        {
            Array.Resize(ref _heap, _heap.Length * 2);
        }

        int hole = _heapCount++;
        while (hole > 0)
        {
            int parent = (hole - 1) / 4;
            if (_heap[parent] <= key)
            {
                break;
            }

            _heap[hole] = _heap[parent];
            hole = parent;
        }

        _heap[hole] = key;
    }

    private ulong Pop()
    {
        ulong top = _heap[0];
        ulong last = _heap[--_heapCount];
        if (_heapCount > 0)
        {
            SiftDown(0, last);
        }

        return top;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void SiftDown(int hole, ulong key)
    {
        while (true)
        {
            int first = hole * 4 + 1;
            if (first >= _heapCount)
            {
                break;
            }

            int least = first;
            int end = Math.Min(first + 4, _heapCount);
            for (int child = first + 1; child < end; child++)
            {
                least = _heap[child] < _heap[least] ? child : least;
            }

            if (_heap[least] >= key)
            {
                break;
            }

            _heap[hole] = _heap[least];
            hole = least;
        }

        _heap[hole] = key;
    }
}
